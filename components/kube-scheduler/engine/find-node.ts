import type { Pod } from '@idp/api'
import type { ClusterView } from './cluster-state.ts'
import { interPodAffinity } from './filters/inter-pod-affinity.ts'
import { nodeAffinity, nodeName, nodePorts, nodeResourcesFit, nodeUnschedulable, taintToleration } from './filters/node-rules.ts'
import { podTopologySpread } from './filters/topology-spread.ts'
import { volumeBinding, type Volumes } from './filters/volume-binding.ts'
import { volumeRestrictions } from './filters/volume-restrictions.ts'
import { addPod, cloneNodeInfo, type NodeInfo } from './node-info.ts'
import type { Filter, Misfit, NodeCheck } from './plugin.ts'

/** All rules, in upstream's order: the first that a node breaks is the one that is told. */
export function createFilters(volumes: Volumes): readonly Filter[] {
  return [nodeUnschedulable, nodeName, taintToleration, nodeAffinity, nodePorts, nodeResourcesFit, volumeRestrictions(volumes), volumeBinding(volumes), podTopologySpread, interPodAffinity]
}

export interface Fit {
  readonly feasible: readonly NodeInfo[]
  /** Why the others do not fit, by node name. */
  readonly misfits: ReadonlyMap<string, Misfit>
  /** Set when one rule excludes every node, before any is looked at. */
  readonly nowhere: Misfit | undefined
}

/** The check of all rules for one pod; a Misfit when one of them excludes every node. */
export function prepareChecks(pod: Pod, view: ClusterView, filters: readonly Filter[]): NodeCheck | Misfit {
  const checks: NodeCheck[] = []
  for (const filter of filters) {
    const prepared = filter.prepare(pod, view)
    if (typeof prepared === 'function') checks.push(prepared)
    else if (prepared !== undefined) return prepared
  }
  return (info) => {
    for (const check of checks) {
      const found = check(info)
      if (found !== undefined) return found
    }
    return undefined
  }
}

/**
 * Where a pod fits. `nominated` gives the pods for which room was made on a node and that are as important as this one or more:
 * a node must take this pod with and without them.
 */
export function findFit(pod: Pod, view: ClusterView, filters: readonly Filter[], nominated: (node: string) => readonly Pod[]): Fit {
  const check = prepareChecks(pod, view, filters)
  const nodes = view.nodes()
  if (typeof check !== 'function') return { feasible: [], misfits: new Map(nodes.map(({ name }) => [name, check])), nowhere: check }
  const feasible: NodeInfo[] = []
  const misfits = new Map<string, Misfit>()
  for (const info of nodes) {
    const found = check(info) ?? withNominated(check, info, nominated(info.name))
    if (found === undefined) feasible.push(info)
    else misfits.set(info.name, found)
  }
  return { feasible, misfits, nowhere: undefined }
}

function withNominated(check: NodeCheck, info: NodeInfo, nominated: readonly Pod[]): Misfit | undefined {
  if (nominated.length === 0) return undefined
  const copy = cloneNodeInfo(info)
  for (const pod of nominated) addPod(copy, pod)
  return check(copy)
}
