import type { Pod } from '@idp/api'
import { matchesLabelSelector, matchesRequirements, selectorRequirements, type LabelRequirement } from '@idp/formats'
import type { ClusterView } from './cluster-state.ts'

type Affinity = NonNullable<NonNullable<Pod['spec']['affinity']>['podAffinity']>
export type AffinityTerm = NonNullable<Affinity['requiredDuringSchedulingIgnoredDuringExecution']>[number]
export interface WeightedTerm { readonly weight: number; readonly podAffinityTerm: AffinityTerm }

/** A term of a pod's affinity, ready to be asked of other pods. */
export interface Matcher {
  readonly topologyKey: string
  matches(other: Pod): boolean
}

/** The term as `owner` means it: its namespace where none is named, its own label values for matchLabelKeys. */
export function termMatcher(term: AffinityTerm, owner: Pod, view: ClusterView): Matcher {
  const requirements: LabelRequirement[] = term.labelSelector === undefined ? [] : selectorRequirements(term.labelSelector)
  const labels = owner.metadata.labels ?? {}
  for (const [keys, operator] of [[term.matchLabelKeys, 'In'], [term.mismatchLabelKeys, 'NotIn']] as const) {
    for (const key of keys ?? []) if (labels[key] !== undefined) requirements.push({ key, operator, values: [labels[key]] })
  }
  const { namespaceSelector } = term
  const named = term.namespaces?.length ? term.namespaces : namespaceSelector === undefined ? [owner.metadata.namespace ?? ''] : []
  return {
    topologyKey: term.topologyKey,
    matches(other) {
      if (term.labelSelector === undefined) return false
      const namespace = other.metadata.namespace ?? ''
      const inside = named.includes(namespace) || (namespaceSelector !== undefined && matchesLabelSelector(namespaceSelector, view.namespace(namespace)?.metadata.labels ?? {}))
      return inside && matchesRequirements(requirements, other.metadata.labels ?? {})
    },
  }
}

export function requiredAffinity(pod: Pod): readonly AffinityTerm[] {
  return pod.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []
}

export function requiredAntiAffinity(pod: Pod): readonly AffinityTerm[] {
  return pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []
}

export function preferredTerms(pod: Pod): { readonly weight: number; readonly term: AffinityTerm }[] {
  const of = (terms: readonly WeightedTerm[] | undefined, sign: 1 | -1) => (terms ?? []).map(({ weight, podAffinityTerm }) => ({ weight: sign * weight, term: podAffinityTerm }))
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {}
  return [...of(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution, 1), ...of(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution, -1)]
}
