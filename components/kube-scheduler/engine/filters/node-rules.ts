import { nodeAffinityAllows, untoleratedTaint } from '@idp/controller'
import { hostPorts } from '../node-info.ts'
import { misfit, type Filter } from '../plugin.ts'
import { podRequest } from '../resource-amounts.ts'

const unschedulableTaint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' as const }

export const nodeUnschedulable: Filter = {
  name: 'NodeUnschedulable',
  prepare(pod) {
    const tolerated = untoleratedTaint(pod.spec.tolerations, [unschedulableTaint], ['NoSchedule']) === undefined
    const refused = misfit('NodeUnschedulable', 'node(s) were unschedulable', true)
    return tolerated ? undefined : ({ node }) => (node?.spec?.unschedulable === true ? refused : undefined)
  },
}

export const nodeName: Filter = {
  name: 'NodeName',
  prepare(pod) {
    const wanted = pod.spec.nodeName
    const refused = misfit('NodeName', "node(s) didn't match the requested node name", true)
    return wanted ? ({ name }) => (name === wanted ? undefined : refused) : undefined
  },
}

export const taintToleration: Filter = {
  name: 'TaintToleration',
  prepare: (pod) => ({ node }) => {
    const taint = untoleratedTaint(pod.spec.tolerations, node?.spec?.taints, ['NoSchedule', 'NoExecute'])
    return taint === undefined ? undefined : misfit('TaintToleration', `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`, true)
  },
}

export const nodeAffinity: Filter = {
  name: 'NodeAffinity',
  prepare(pod) {
    if (pod.spec.nodeSelector === undefined && pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution === undefined) return undefined
    const refused = misfit('NodeAffinity', "node(s) didn't match Pod's node affinity/selector", true)
    return ({ node }) => (node !== undefined && nodeAffinityAllows(pod, node) ? undefined : refused)
  },
}

export const nodePorts: Filter = {
  name: 'NodePorts',
  prepare(pod) {
    const wanted = hostPorts(pod)
    if (wanted.length === 0) return undefined
    const refused = misfit('NodePorts', "node(s) didn't have free ports for the requested pod ports")
    return ({ ports }) => (wanted.some((port) => [...ports.keys()].some((used) => portsConflict(port, used))) ? refused : undefined)
  },
}

/** Two ports clash when protocol and number are equal and the addresses are, or one of them is every address. */
function portsConflict(a: string, b: string): boolean {
  const [protocolA, ipA, portA] = a.split('/')
  const [protocolB, ipB, portB] = b.split('/')
  return protocolA === protocolB && portA === portB && (ipA === ipB || ipA === '0.0.0.0' || ipB === '0.0.0.0')
}

export const nodeResourcesFit: Filter = {
  name: 'NodeResourcesFit',
  prepare(pod) {
    const request = Object.entries(podRequest(pod)).filter(([, amount]) => amount > 0)
    return ({ allocatable, used, pods }) => {
      const reasons: string[] = []
      let final = false
      if (pods.size + 1 > (allocatable['pods'] ?? 110)) reasons.push('Too many pods')
      for (const [resource, amount] of request) {
        const all = allocatable[resource] ?? 0
        if (amount <= all - (used[resource] ?? 0)) continue
        reasons.push(`Insufficient ${resource}`)
        final ||= amount > all
      }
      return reasons.length === 0 ? undefined : { plugin: 'NodeResourcesFit', reasons, final }
    }
  },
}
