import type { LabelSelectorLike } from './policy.ts'

export interface NamedExpression { readonly name: string; readonly expression: string }

/** `validate.cel` of a rule of a ClusterPolicy or Policy. */
export interface RuleCel {
  readonly expressions?: readonly { readonly expression: string; readonly message?: string; readonly messageExpression?: string; readonly reason?: string }[]
  readonly variables?: readonly NamedExpression[]
  readonly auditAnnotations?: readonly { readonly key: string; readonly valueExpression: string }[]
  readonly paramKind?: { readonly apiVersion: string; readonly kind: string }
  readonly paramRef?: { readonly name?: string; readonly namespace?: string; readonly selector?: LabelSelectorLike; readonly parameterNotFoundAction?: string }
  /** Whether a ValidatingAdmissionPolicy is made of the rule; the engine decides it either way. */
  readonly generate?: boolean
}
