import type { Pod } from '@idp/api'
import { controllerOf, matchesNodeSelectorTerm, toleratesTaint } from '@idp/controller'
import { preferredTerms, requiredAffinity, termMatcher, type Matcher } from './affinity-term.ts'
import type { ClusterView } from './cluster-state.ts'
import { domainCounts } from './filters/topology-spread.ts'
import type { NodeInfo } from './node-info.ts'
import type { Score } from './plugin.ts'
import { scoringRequest } from './resource-amounts.ts'

/** Stretches raw points to 0…100; `reverse`: fewer raw points are better. All equal says nothing. */
function normalize(raw: readonly number[], reverse = false): readonly number[] | undefined {
  const max = Math.max(...raw)
  const min = Math.min(...raw)
  if (max === min) return undefined
  return raw.map((points) => (100 * (reverse ? max - points : points - min)) / (max - min))
}

const taintToleration: Score = {
  name: 'TaintToleration', weight: 3,
  score(pod, nodes) {
    const raw = nodes.map(({ node }) => (node?.spec?.taints ?? []).filter((taint) => taint.effect === 'PreferNoSchedule' && !(pod.spec.tolerations ?? []).some((t) => toleratesTaint(t, taint))).length)
    return normalize(raw, true)
  },
}

const nodeAffinity: Score = {
  name: 'NodeAffinity', weight: 2,
  score(pod, nodes) {
    const preferred = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
    if (preferred.length === 0) return undefined
    return normalize(nodes.map(({ node }) => preferred.reduce((sum, { weight, preference }) => sum + (node !== undefined && matchesNodeSelectorTerm(preference, node) ? weight : 0), 0)))
  },
}

const leastAllocated: Score = {
  name: 'NodeResourcesFit', weight: 1,
  score: (pod, nodes) => nodes.map((info) => {
    const { cpu, memory } = fractions(pod, info)
    return 100 * (1 - (cpu + memory) / 2)
  }),
}

const balancedAllocation: Score = {
  name: 'NodeResourcesBalancedAllocation', weight: 1,
  score: (pod, nodes) => nodes.map((info) => {
    const { cpu, memory } = fractions(pod, info)
    return 100 * (1 - Math.abs(cpu - memory) / 2)
  }),
}

/** The used share of a node with this pod on it. */
function fractions(pod: Pod, { scored, allocatable }: NodeInfo): { cpu: number; memory: number } {
  const of = (resource: 'cpu' | 'memory') => Math.min(1, (scored[resource] + scoringRequest(pod, resource)) / Math.max(1, allocatable[resource] ?? 0))
  return { cpu: of('cpu'), memory: of('memory') }
}

/** Soft spread constraints; without any, pods of one controller spread over nodes and zones as by upstream's defaults. */
const topologySpread: Score = {
  name: 'PodTopologySpread', weight: 2,
  score(pod, nodes, view) {
    const soft = (pod.spec.topologySpreadConstraints ?? []).filter(({ whenUnsatisfiable }) => whenUnsatisfiable === 'ScheduleAnyway')
    if ((pod.spec.topologySpreadConstraints ?? []).length === 0) return spreadSiblings(pod, nodes)
    if (soft.length === 0) return undefined
    const raw = nodes.map(() => 0)
    for (const constraint of soft) {
      const counts = domainCounts(pod, constraint, view, [constraint.topologyKey])
      const weight = Math.log(counts.size + 2)
      nodes.forEach(({ node }, i) => {
        const value = node?.metadata.labels?.[constraint.topologyKey]
        // A node outside every domain is as good as the fullest.
        const count = value === undefined ? Math.max(0, ...counts.values()) + 1 : counts.get(value) ?? 0
        raw[i] = (raw[i] ?? 0) + count * weight + (constraint.maxSkew - 1)
      })
    }
    return normalize(raw, true)
  },
}

function spreadSiblings(pod: Pod, nodes: readonly NodeInfo[]): readonly number[] | undefined {
  const owner = controllerOf(pod)?.uid
  if (owner === undefined) return undefined
  const zones = new Map<string, number>()
  const zoneOf = ({ node }: NodeInfo) => node?.metadata.labels?.['topology.kubernetes.io/zone'] ?? ''
  const own = nodes.map((info) => {
    const count = info.owners.get(owner) ?? 0
    zones.set(zoneOf(info), (zones.get(zoneOf(info)) ?? 0) + count)
    return count
  })
  const zoneWeight = zones.size > 1 ? Math.log(zones.size + 2) : 0
  return normalize(nodes.map((info, i) => (own[i] ?? 0) * Math.log(nodes.length + 2) + (zones.get(zoneOf(info)) ?? 0) * zoneWeight), true)
}

/** Preferred pod affinity, of the pod and of those that are there (whose required affinity counts a little, too). */
const interPodAffinity: Score = {
  name: 'InterPodAffinity', weight: 2,
  score(pod, nodes, view) {
    const own = preferredTerms(pod).map(({ weight, term }) => ({ weight, matcher: termMatcher(term, pod, view) }))
    const points = new Map<string, number>()
    const add = (info: NodeInfo, { topologyKey }: Pick<Matcher, 'topologyKey'>, weight: number) => {
      const value = info.node?.metadata.labels?.[topologyKey]
      if (value !== undefined) points.set(`${topologyKey}=${value}`, (points.get(`${topologyKey}=${value}`) ?? 0) + weight)
    }
    for (const info of view.nodes()) {
      if (own.length > 0) for (const other of info.pods.values()) for (const { weight, matcher } of own) if (matcher.matches(other)) add(info, matcher, weight)
      for (const other of info.withAffinity.values()) {
        const terms = [...preferredTerms(other), ...requiredAffinity(other).map((term) => ({ weight: 1, term }))]
        for (const { weight, term } of terms) if (termMatcher(term, other, view).matches(pod)) add(info, term, weight)
      }
    }
    if (points.size === 0) return undefined
    return normalize(nodes.map(({ node }) => Object.entries(node?.metadata.labels ?? {}).reduce((sum, [key, value]) => sum + (points.get(`${key}=${value}`) ?? 0), 0)))
  },
}

const scores: readonly Score[] = [taintToleration, nodeAffinity, leastAllocated, balancedAllocation, topologySpread, interPodAffinity]

/** The best of the nodes that fit; `pick` chooses among equals: an index below its argument. */
export function bestNode(pod: Pod, feasible: readonly NodeInfo[], view: ClusterView, pick: (count: number) => number): NodeInfo | undefined {
  if (feasible.length <= 1) return feasible[0]
  const totals = feasible.map(() => 0)
  for (const { weight, score } of scores) score(pod, feasible, view)?.forEach((points, i) => { totals[i] = (totals[i] ?? 0) + weight * Math.trunc(points) })
  const best = Math.max(...totals)
  const equals = feasible.filter((_, i) => totals[i] === best)
  return equals[equals.length === 1 ? 0 : pick(equals.length)]
}
