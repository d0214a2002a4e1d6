import type { Node, Pod } from '@idp/api'

export type Taint = NonNullable<NonNullable<Node['spec']>['taints']>[number]
export type Toleration = NonNullable<Pod['spec']['tolerations']>[number]

/** True when the toleration covers the taint. An empty key with `Exists` covers every taint; an empty effect every effect. */
export function toleratesTaint(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false
  if (toleration.key && toleration.key !== taint.key) return false
  if (toleration.operator === 'Exists') return true
  return (toleration.key ?? '') !== '' && (toleration.value ?? '') === (taint.value ?? '')
}

/** The first taint with one of `effects` that nothing tolerates. */
export function untoleratedTaint(tolerations: readonly Toleration[] | undefined, taints: readonly Taint[] | undefined, effects: readonly string[]): Taint | undefined {
  return (taints ?? []).find((taint) => effects.includes(taint.effect) && !(tolerations ?? []).some((toleration) => toleratesTaint(toleration, taint)))
}
