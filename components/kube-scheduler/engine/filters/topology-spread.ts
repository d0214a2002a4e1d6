import type { Pod } from '@idp/api'
import { nodeAffinityAllows, untoleratedTaint } from '@idp/controller'
import { matchesRequirements, selectorRequirements, type LabelRequirement } from '@idp/formats'
import type { ClusterView } from '../cluster-state.ts'
import type { NodeInfo } from '../node-info.ts'
import { misfit, type Filter } from '../plugin.ts'

export type SpreadConstraint = NonNullable<Pod['spec']['topologySpreadConstraints']>[number]

const name = 'PodTopologySpread'
const skewed = misfit(name, "node(s) didn't match pod topology spread constraints")
const unlabelled = misfit(name, "node(s) didn't match pod topology spread constraints (missing required label)", true)

/** Topology spread constraints that must hold (`DoNotSchedule`). */
export const podTopologySpread: Filter = {
  name,
  prepare(pod, view) {
    const constraints = (pod.spec.topologySpreadConstraints ?? []).filter(({ whenUnsatisfiable }) => whenUnsatisfiable === 'DoNotSchedule')
    if (constraints.length === 0) return undefined
    const keys = constraints.map(({ topologyKey }) => topologyKey)
    const rules = constraints.map((constraint) => {
      const counts = domainCounts(pod, constraint, view, keys)
      // With fewer domains than asked for, an empty one is imagined.
      const least = counts.size < (constraint.minDomains ?? 1) || counts.size === 0 ? 0 : Math.min(...counts.values())
      const self = spreadMatcher(pod, constraint)(pod) ? 1 : 0
      return { constraint, counts, least, self }
    })
    return ({ node }) => {
      for (const { constraint, counts, least, self } of rules) {
        const value = node?.metadata.labels?.[constraint.topologyKey]
        if (value === undefined) return unlabelled
        if ((counts.get(value) ?? 0) + self - least > constraint.maxSkew) return skewed
      }
      return undefined
    }
  },
}

/** Pods that a constraint counts: same namespace, its selector, the incoming pod's values of matchLabelKeys, not being deleted. */
export function spreadMatcher(pod: Pod, constraint: SpreadConstraint): (other: Pod) => boolean {
  const requirements: LabelRequirement[] = constraint.labelSelector === undefined ? [] : selectorRequirements(constraint.labelSelector)
  for (const key of constraint.matchLabelKeys ?? []) {
    const value = pod.metadata.labels?.[key]
    if (value !== undefined) requirements.push({ key, operator: 'In', values: [value] })
  }
  return (other) => constraint.labelSelector !== undefined && other.metadata.namespace === pod.metadata.namespace
    && other.metadata.deletionTimestamp === undefined && matchesRequirements(requirements, other.metadata.labels ?? {})
}

/** How many matching pods each domain has. Only nodes that the pod may use (by affinity, and by taints if asked) and that have all keys make domains. */
export function domainCounts(pod: Pod, constraint: SpreadConstraint, view: ClusterView, keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  const matches = spreadMatcher(pod, constraint)
  for (const info of view.nodes()) {
    if (!isEligible(pod, constraint, info, keys)) continue
    const value = info.node?.metadata.labels?.[constraint.topologyKey] ?? ''
    let count = counts.get(value) ?? 0
    for (const other of info.pods.values()) if (matches(other)) count++
    counts.set(value, count)
  }
  return counts
}

function isEligible(pod: Pod, constraint: SpreadConstraint, { node }: NodeInfo, keys: readonly string[]): boolean {
  if (node === undefined || !keys.every((key) => node.metadata.labels?.[key] !== undefined)) return false
  if (constraint.nodeAffinityPolicy !== 'Ignore' && !nodeAffinityAllows(pod, node)) return false
  return constraint.nodeTaintsPolicy !== 'Honor' || untoleratedTaint(pod.spec.tolerations, node.spec?.taints, ['NoSchedule', 'NoExecute']) === undefined
}
