import type { AnyObject } from '@idp/formats'
import type { Leaf, Ref } from '../diagnosis.ts'
import { condition, objects, oneLine, words } from '../field.ts'
import type { World } from '../world.ts'

/** Why a pod has no node: the scheduler's own words, and what to change. */
export function noNode(pod: AnyObject, world: World): (Ref | Leaf)[] {
  const scheduled = condition(pod, 'PodScheduled')
  if (scheduled === undefined || scheduled.status === 'True') {
    const scheduler = { kind: 'Deployment', namespace: 'kube-system', name: 'kube-scheduler' }
    return [{ subject: 'the scheduler', says: `has not looked at the pod${words(pod, 'spec', 'schedulerName') === 'default-scheduler' || words(pod, 'spec', 'schedulerName') === '' ? '' : ` (it asks for ${words(pod, 'spec', 'schedulerName')})`}`, remedy: 'See that the scheduler of the cluster runs' }, scheduler]
  }
  const message = scheduled.message || scheduled.reason
  const sick = /not-ready|unreachable/.test(message) ? world.list('Node').map((node) => ({ kind: 'Node', name: node.metadata.name ?? '' })) : []
  return [...sick, { subject: 'the scheduler', says: `finds no node: ${oneLine(message.replace(/ preemption: .*/s, ''))}`, remedy: remedyFor(message, pod, world) }]
}

function remedyFor(message: string, pod: AnyObject, world: World): string {
  const steps: string[] = []
  const short = [...message.matchAll(/Insufficient ([\w./-]+)/g)].map((m) => m[1])
  if (short.length > 0) steps.push(`lower the pod's requests of ${[...new Set(short)].join(' and ')}, or add a node`)
  // That the control plane is kept free is as it should be, unless nothing else is named.
  const taints = [...message.matchAll(/untolerated taints? \{([^:}]+):? ?([^}]*)\}/g)]
  const taint = taints.find((t) => !t[1]?.startsWith('node-role.kubernetes.io/')) ?? (steps.length > 0 || /affinity|selector/.test(message) ? undefined : taints[0])
  if (taint !== undefined) steps.push(`add a toleration for ${taint[1]}${taint[2] === '' ? '' : `=${taint[2]}`}, or take the taint off: kubectl taint nodes NODE ${taint[1]}-`)
  if (/node affinity|selector/.test(message)) steps.push(selectorStep(pod, world))
  if (/unbound immediate PersistentVolumeClaims|volume/.test(message)) steps.push('see its PersistentVolumeClaims')
  if (/too many pods/i.test(message)) steps.push('the nodes hold as many pods as they may: add a node')
  if (/unschedulable/.test(message)) steps.push('a node is cordoned: kubectl uncordon NODE')
  if (/free ports/.test(message)) steps.push('another pod holds the host port')
  if (/topology spread|anti-affinity|affinity rules/.test(message)) steps.push('loosen the spread or affinity rules, or add a node')
  const text = steps.length > 0 ? steps.join('; or ') : 'Compare the rules of the pod with the nodes: kubectl describe nodes'
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function selectorStep(pod: AnyObject, world: World): string {
  const wanted = Object.entries((pod as { spec?: { nodeSelector?: Record<string, string> } }).spec?.nodeSelector ?? {})
  const absent = wanted.filter(([key, value]) => !world.list('Node').some((node) => node.metadata.labels?.[key] === value))
  const terms = objects(pod, 'spec', 'affinity', 'nodeAffinity', 'requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms').flatMap((t) => objects(t, 'matchExpressions')).map((e) => words(e, 'key'))
  if (absent.length > 0) return `label a node: kubectl label node NODE ${absent.map(([key, value]) => `${key}=${value}`).join(' ')}`
  return `give a node what ${wanted.length > 0 ? `nodeSelector (${wanted.map(([key, value]) => `${key}=${value}`).join(', ')})` : `nodeAffinity${terms.length > 0 ? ` (${[...new Set(terms)].join(', ')})` : ''}`} asks for, or change the pod`
}
