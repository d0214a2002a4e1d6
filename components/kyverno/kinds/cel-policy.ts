import { defineKind, type Kind } from '@idp/api'
import type { Json, JsonObject, KubeObject } from '@idp/formats'
import type { LabelSelectorLike } from './policy.ts'

/** `resourceRules[]` of a match, as in a webhook configuration. */
export interface ResourceRule {
  readonly apiGroups?: readonly string[]; readonly apiVersions?: readonly string[]; readonly resources?: readonly string[]; readonly operations?: readonly string[]
  readonly scope?: string; readonly resourceNames?: readonly string[]
}
export interface MatchConstraints {
  readonly resourceRules?: readonly ResourceRule[]; readonly excludeResourceRules?: readonly ResourceRule[]
  readonly namespaceSelector?: LabelSelectorLike; readonly objectSelector?: LabelSelectorLike; readonly matchPolicy?: string
}
export interface NamedExpression { readonly name: string; readonly expression: string }
export interface CelValidation { readonly expression: string; readonly message?: string; readonly messageExpression?: string; readonly reason?: string }
export interface CelMutation { readonly patchType?: string; readonly applyConfiguration?: { readonly expression: string }; readonly jsonPatch?: { readonly expression: string } }
export interface Attestor { readonly name: string; readonly cosign?: JsonObject; readonly notary?: JsonObject; readonly [field: string]: unknown }

/** The spec of every kind of policies.kyverno.io; each kind has its own fields of it. */
export interface CelPolicySpec {
  readonly matchConstraints?: MatchConstraints
  readonly targetMatchConstraints?: MatchConstraints & { readonly expression?: string; readonly matchConditions?: readonly NamedExpression[] }
  readonly matchConditions?: readonly NamedExpression[]
  readonly variables?: readonly NamedExpression[]
  readonly validations?: readonly CelValidation[]
  readonly auditAnnotations?: readonly { readonly key: string; readonly valueExpression: string }[]
  readonly validationActions?: readonly string[]
  readonly failurePolicy?: string
  readonly evaluation?: { readonly mode?: string; readonly admission?: { readonly enabled?: boolean }; readonly background?: { readonly enabled?: boolean }; readonly mutateExisting?: { readonly enabled?: boolean }; readonly generateExisting?: { readonly enabled?: boolean }; readonly synchronize?: { readonly enabled?: boolean }; readonly orphanDownstreamOnPolicyDelete?: { readonly enabled?: boolean } }
  readonly autogen?: { readonly podControllers?: { readonly controllers?: readonly string[] }; readonly validatingAdmissionPolicy?: { readonly enabled?: boolean }; readonly mutatingAdmissionPolicy?: { readonly enabled?: boolean } }
  readonly mutations?: readonly CelMutation[]
  readonly generate?: readonly { readonly expression?: string; readonly template?: Json }[]
  readonly conditions?: readonly NamedExpression[]
  readonly schedule?: string
  readonly deletionPropagationPolicy?: string
  readonly matchImageReferences?: readonly { readonly glob?: string; readonly expression?: string }[]
  readonly images?: readonly NamedExpression[]
  readonly attestors?: readonly Attestor[]
  readonly attestations?: readonly { readonly name: string; readonly [field: string]: unknown }[]
  readonly validationConfigurations?: { readonly mutateDigest?: boolean; readonly verifyDigest?: boolean; readonly required?: boolean }
  readonly webhookConfiguration?: { readonly timeoutSeconds?: number }
  /** Of admissionregistration.k8s.io's policies. */
  readonly paramKind?: { readonly apiVersion: string; readonly kind: string }
  readonly [field: string]: unknown
}

export interface CelPolicy extends KubeObject {
  readonly spec: CelPolicySpec
  readonly status?: { readonly conditionStatus?: { readonly ready?: boolean; readonly conditions?: readonly JsonObject[] }; readonly [field: string]: unknown }
}

/** PolicyException of policies.kyverno.io. */
export interface CelException extends KubeObject {
  readonly spec: {
    readonly policyRefs: readonly { readonly kind: string; readonly name: string }[]
    readonly matchConditions?: readonly NamedExpression[]
    readonly images?: readonly string[]; readonly allowedValues?: readonly string[]; readonly reportResult?: string
  }
}

const group = 'policies.kyverno.io'
const version = 'v1beta1'
const policy = (kind: string, plural: string, scope: 'Cluster' | 'Namespaced', shortName: string): Kind<CelPolicy> => defineKind({ group, version, kind, plural, scope, shortNames: [shortName], subresources: ['status'] })

/** The policies of policies.kyverno.io, cluster-wide and (where there is one) namespaced. */
export const celPolicyKinds: readonly Kind<CelPolicy>[] = [
  policy('ValidatingPolicy', 'validatingpolicies', 'Cluster', 'vpol'), policy('NamespacedValidatingPolicy', 'namespacedvalidatingpolicies', 'Namespaced', 'nvpol'),
  policy('MutatingPolicy', 'mutatingpolicies', 'Cluster', 'mpol'), policy('NamespacedMutatingPolicy', 'namespacedmutatingpolicies', 'Namespaced', 'nmpol'),
  policy('GeneratingPolicy', 'generatingpolicies', 'Cluster', 'gpol'), policy('NamespacedGeneratingPolicy', 'namespacedgeneratingpolicies', 'Namespaced', 'ngpol'),
  policy('DeletingPolicy', 'deletingpolicies', 'Cluster', 'dpol'), policy('NamespacedDeletingPolicy', 'namespaceddeletingpolicies', 'Namespaced', 'ndpol'),
  policy('ImageValidatingPolicy', 'imagevalidatingpolicies', 'Cluster', 'ivpol'), policy('NamespacedImageValidatingPolicy', 'namespacedimagevalidatingpolicies', 'Namespaced', 'nivpol'),
]
export const CelExceptionKind: Kind<CelException> = defineKind({ group, version, kind: 'PolicyException', plural: 'policyexceptions', scope: 'Namespaced', shortNames: ['celpolex'] })

export type CelFamily = 'Validating' | 'Mutating' | 'Generating' | 'Deleting' | 'ImageValidating'

/** What a policy of policies.kyverno.io does; undefined for every other kind. */
export function celFamily({ apiVersion = '', kind }: { readonly apiVersion?: string; readonly kind?: string }): CelFamily | undefined {
  if (!apiVersion.startsWith(`${group}/`)) return undefined
  return /^(?:Namespaced)?(Validating|Mutating|Generating|Deleting|ImageValidating)Policy$/.exec(kind ?? '')?.[1] as CelFamily | undefined
}

/** What a ValidatingAdmissionPolicy or MutatingAdmissionPolicy (admissionregistration.k8s.io) does; undefined for every other kind. */
export function admissionFamily({ apiVersion = '', kind }: { readonly apiVersion?: string; readonly kind?: string }): 'Validating' | 'Mutating' | undefined {
  if (!apiVersion.startsWith('admissionregistration.k8s.io/')) return undefined
  return /^(Validating|Mutating)AdmissionPolicy$/.exec(kind ?? '')?.[1] as 'Validating' | 'Mutating' | undefined
}

/** The binding of an admission policy. */
export interface AdmissionBinding extends KubeObject {
  readonly spec: { readonly policyName: string; readonly matchResources?: MatchConstraints; readonly paramRef?: { readonly name?: string; readonly namespace?: string; readonly selector?: LabelSelectorLike } }
}
