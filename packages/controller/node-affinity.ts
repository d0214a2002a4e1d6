import type { Node, Pod } from '@idp/api'
import { matchesRequirements, type LabelRequirement } from '@idp/formats'

type NodeAffinity = NonNullable<NonNullable<Pod['spec']['affinity']>['nodeAffinity']>
export type NodeSelectorTerm = NonNullable<NodeAffinity['requiredDuringSchedulingIgnoredDuringExecution']>['nodeSelectorTerms'][number]

/** True when the node meets the term: expressions on labels and on fields (`metadata.name`) together. A term without any matches nothing. */
export function matchesNodeSelectorTerm(term: NodeSelectorTerm, node: Node): boolean {
  const labels = requirements(term.matchExpressions)
  const fields = requirements(term.matchFields)
  if (labels.length === 0 && fields.length === 0) return false
  return matchesRequirements(labels, node.metadata.labels ?? {}) && matchesRequirements(fields, { 'metadata.name': node.metadata.name ?? '' })
}

/** True when the pod's nodeSelector and required node affinity allow the node. */
export function nodeAffinityAllows(pod: Pick<Pod, 'spec'>, node: Node): boolean {
  const labels = node.metadata.labels ?? {}
  for (const [key, value] of Object.entries(pod.spec.nodeSelector ?? {})) if (labels[key] !== value) return false
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  return required === undefined || required.nodeSelectorTerms.some((term) => matchesNodeSelectorTerm(term, node))
}

function requirements(expressions: NodeSelectorTerm['matchExpressions']): LabelRequirement[] {
  return (expressions ?? []).map(({ key, operator, values }) => ({ key, operator: operator as LabelRequirement['operator'], values: values ?? [] }))
}
