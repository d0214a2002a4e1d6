import type { Node, Pod } from '@idp/api'
import { nodeAffinityAllows, untoleratedTaint, type Toleration } from '@idp/controller'
import { cloneJson } from '@idp/formats'

/** What every daemon pod tolerates, so that it stays on (and reaches) nodes in trouble. */
const daemonTolerations: readonly Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
]

/** The template's pod spec with the daemon tolerations. */
export function daemonPodSpec(spec: Pod['spec']): Pod['spec'] {
  const all = spec.hostNetwork === true ? [...daemonTolerations, { key: 'node.kubernetes.io/network-unavailable', operator: 'Exists' as const, effect: 'NoSchedule' as const }] : daemonTolerations
  const missing = all.filter((wanted) => !(spec.tolerations ?? []).some((t) => t.key === wanted.key && t.effect === wanted.effect && t.operator === wanted.operator))
  return { ...cloneJson(spec), tolerations: [...(spec.tolerations ?? []), ...missing] }
}

/** Ties a pod to one node through node affinity, which leaves the placing to the scheduler. */
export function pinToNode(spec: Pod['spec'], node: string): Pod['spec'] {
  const matchFields = [{ key: 'metadata.name', operator: 'In' as const, values: [node] }]
  const affinity = spec.affinity ?? {}
  const nodeAffinity = affinity.nodeAffinity ?? {}
  const terms = nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  const nodeSelectorTerms = terms.length === 0 ? [{ matchFields }] : terms.map((term) => ({ ...term, matchFields }))
  return { ...spec, affinity: { ...affinity, nodeAffinity: { ...nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } }
}

/** The node a daemon pod is on or is meant for. */
export function nodeOfDaemonPod(pod: Pod): string | undefined {
  if (pod.spec.nodeName) return pod.spec.nodeName
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  for (const term of terms) {
    const field = term.matchFields?.find(({ key }) => key === 'metadata.name')
    if (field?.values?.length === 1) return field.values[0]
  }
  return undefined
}

/** `run`: a pod belongs there. `keep`: one that runs there may stay. */
export function daemonFits(spec: Pod['spec'], node: Node): { readonly run: boolean; readonly keep: boolean } {
  if (spec.nodeName !== undefined && spec.nodeName !== '' && spec.nodeName !== node.metadata.name) return { run: false, keep: false }
  if (!nodeAffinityAllows({ spec }, node)) return { run: false, keep: false }
  const taints = node.spec?.taints
  const keep = untoleratedTaint(spec.tolerations, taints, ['NoExecute']) === undefined
  return { keep, run: keep && untoleratedTaint(spec.tolerations, taints, ['NoSchedule']) === undefined }
}
