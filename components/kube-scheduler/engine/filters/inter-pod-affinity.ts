import type { Pod } from '@idp/api'
import { requiredAffinity, requiredAntiAffinity, termMatcher, type Matcher } from '../affinity-term.ts'
import type { ClusterView } from '../cluster-state.ts'
import type { NodeInfo } from '../node-info.ts'
import { misfit, type Filter } from '../plugin.ts'

const name = 'InterPodAffinity'
const existing = misfit(name, "node(s) didn't satisfy existing pods anti-affinity rules")
const anti = misfit(name, "node(s) didn't match pod anti-affinity rules")
const affinity = misfit(name, "node(s) didn't match pod affinity rules", true)

/** Required pod affinity and anti-affinity, of the pod and of those that are there. */
export const interPodAffinity: Filter = {
  name,
  prepare(pod, view) {
    const wanted = requiredAffinity(pod).map((term) => termMatcher(term, pod, view))
    const unwanted = requiredAntiAffinity(pod).map((term) => termMatcher(term, pod, view))
    const guarded = domainsThatRefuse(pod, view)
    if (wanted.length === 0 && unwanted.length === 0 && guarded.size === 0) return undefined
    const far = unwanted.map((matcher) => domainsWith(view, matcher.topologyKey, (other) => matcher.matches(other)))
    // A pod counts for affinity only if it matches every term.
    const near = wanted.map((matcher) => domainsWith(view, matcher.topologyKey, (other) => wanted.every((m) => m.matches(other))))
    const first = near.every((domains) => domains.size === 0) && wanted.every((matcher) => matcher.matches(pod))
    return (info) => {
      if (!hasAll(wanted, info)) return affinity
      if (!first && !wanted.every((matcher, i) => near[i]?.has(valueOf(info, matcher.topologyKey) ?? ''))) return affinity
      if (unwanted.some((matcher, i) => inDomain(info, matcher.topologyKey, far[i]))) return anti
      for (const [key, domains] of guarded) if (inDomain(info, key, domains)) return existing
      return undefined
    }
  },
}

const valueOf = (info: NodeInfo, key: string) => info.node?.metadata.labels?.[key]

function inDomain(info: NodeInfo, key: string, domains: ReadonlySet<string> | undefined): boolean {
  const value = valueOf(info, key)
  return value !== undefined && domains?.has(value) === true
}

function hasAll(matchers: readonly Matcher[], info: NodeInfo): boolean {
  return matchers.every((matcher) => valueOf(info, matcher.topologyKey) !== undefined)
}

/** Values of a topology key whose nodes have a pod that matches. */
function domainsWith(view: ClusterView, key: string, matches: (pod: Pod) => boolean): Set<string> {
  const domains = new Set<string>()
  for (const info of view.nodes()) {
    const value = valueOf(info, key)
    if (value === undefined || domains.has(value)) continue
    for (const pod of info.pods.values()) {
      if (!matches(pod)) continue
      domains.add(value)
      break
    }
  }
  return domains
}

/** Where pods that are there refuse this one, by topology key. */
function domainsThatRefuse(pod: Pod, view: ClusterView): Map<string, Set<string>> {
  const guarded = new Map<string, Set<string>>()
  for (const info of view.nodes()) {
    for (const other of info.withAffinity.values()) {
      for (const term of requiredAntiAffinity(other)) {
        const value = valueOf(info, term.topologyKey)
        if (value === undefined || !termMatcher(term, other, view).matches(pod)) continue
        const domains = guarded.get(term.topologyKey) ?? new Set()
        guarded.set(term.topologyKey, domains.add(value))
      }
    }
  }
  return guarded
}
