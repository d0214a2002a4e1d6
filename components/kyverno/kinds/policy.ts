import { defineKind, type Kind } from '@idp/api'
import type { Json, JsonObject, KubeObject, ObjectMeta } from '@idp/formats'

/** Which resources a rule is about (`match.any[]`, `match.all[]`, `exclude…`). */
export interface ResourceFilter {
  readonly resources?: {
    readonly kinds?: readonly string[]; readonly name?: string; readonly names?: readonly string[]; readonly namespaces?: readonly string[]
    readonly annotations?: Readonly<Record<string, string>>; readonly selector?: LabelSelectorLike; readonly namespaceSelector?: LabelSelectorLike; readonly operations?: readonly string[]
  }
  readonly subjects?: readonly { readonly kind: string; readonly name: string; readonly namespace?: string }[]
  readonly roles?: readonly string[]
  readonly clusterRoles?: readonly string[]
}
export interface LabelSelectorLike { readonly matchLabels?: Readonly<Record<string, string>>; readonly matchExpressions?: readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] }[] }
export interface MatchBlock extends ResourceFilter { readonly any?: readonly ResourceFilter[]; readonly all?: readonly ResourceFilter[] }

export interface Condition { readonly key: Json; readonly operator: string; readonly value: Json; readonly message?: string }
export interface Conditions { readonly any?: readonly Condition[]; readonly all?: readonly Condition[] }

export interface ContextEntry {
  readonly name: string
  readonly variable?: { readonly value?: Json; readonly jmesPath?: string; readonly default?: Json }
  readonly configMap?: { readonly name: string; readonly namespace?: string }
  readonly apiCall?: {
    readonly urlPath?: string; readonly jmesPath?: string; readonly default?: Json; readonly method?: string; readonly data?: readonly { readonly key: string; readonly value: Json }[]
    readonly service?: { readonly url: string; readonly caBundle?: string; readonly headers?: readonly { readonly key: string; readonly value: string }[] }
  }
  readonly imageRegistry?: { readonly reference: string; readonly jmesPath?: string }
  readonly globalReference?: { readonly name: string; readonly jmesPath?: string }
  readonly [other: string]: unknown
}

export interface Validation {
  readonly message?: string
  readonly failureAction?: string
  readonly failureActionOverrides?: readonly { readonly action: string; readonly namespaces?: readonly string[]; readonly namespaceSelector?: LabelSelectorLike }[]
  readonly pattern?: Json
  readonly anyPattern?: readonly Json[]
  readonly deny?: { readonly conditions?: Conditions | readonly Condition[] }
  readonly [other: string]: unknown
}
export interface Mutation { readonly patchStrategicMerge?: JsonObject; readonly patchesJson6902?: string; readonly [other: string]: unknown }
export interface Generation {
  readonly apiVersion?: string; readonly kind?: string; readonly name?: string; readonly namespace?: string; readonly synchronize?: boolean
  readonly data?: JsonObject; readonly clone?: { readonly name: string; readonly namespace?: string }; readonly [other: string]: unknown
}

export interface Rule {
  readonly name: string
  readonly match: MatchBlock
  readonly exclude?: MatchBlock
  readonly preconditions?: Conditions | readonly Condition[]
  readonly context?: readonly ContextEntry[]
  readonly validate?: Validation
  readonly mutate?: Mutation
  readonly generate?: Generation
  readonly [other: string]: unknown
}

export interface PolicySpec {
  readonly rules: readonly Rule[]
  readonly admission?: boolean
  readonly background?: boolean
  readonly validationFailureAction?: string
  readonly validationFailureActionOverrides?: readonly { readonly action: string; readonly namespaces?: readonly string[]; readonly namespaceSelector?: LabelSelectorLike }[]
  readonly failurePolicy?: 'Fail' | 'Ignore'
  readonly webhookTimeoutSeconds?: number
  readonly applyRules?: 'One' | 'All'
  readonly webhookConfiguration?: { readonly failurePolicy?: 'Fail' | 'Ignore'; readonly timeoutSeconds?: number; readonly matchConditions?: readonly { readonly name: string; readonly expression: string }[] }
  /** Answers requests that are let through with a warning for each rule that fails. */
  readonly emitWarning?: boolean
  readonly [other: string]: unknown
}

export interface PolicyObject extends KubeObject {
  readonly spec: PolicySpec
  readonly status?: { readonly ready?: boolean; readonly conditions?: readonly JsonObject[] }
}

export const ClusterPolicy: Kind<PolicyObject> = defineKind({ group: 'kyverno.io', version: 'v1', kind: 'ClusterPolicy', plural: 'clusterpolicies', scope: 'Cluster', shortNames: ['cpol'], subresources: ['status'] })
export const Policy: Kind<PolicyObject> = defineKind({ group: 'kyverno.io', version: 'v1', kind: 'Policy', plural: 'policies', scope: 'Namespaced', shortNames: ['pol'], subresources: ['status'] })

/** PolicyException (kyverno.io): resources that named rules leave alone. */
export interface PolicyException extends KubeObject {
  readonly spec: {
    readonly exceptions: readonly { readonly policyName: string; readonly ruleNames: readonly string[] }[]
    readonly match: MatchBlock
    readonly conditions?: Conditions | readonly Condition[]
    readonly podSecurity?: unknown
  }
}
export const PolicyExceptionKind: Kind<PolicyException> = defineKind({ group: 'kyverno.io', version: 'v2', kind: 'PolicyException', plural: 'policyexceptions', scope: 'Namespaced', shortNames: ['polex'] })

/** One line of a report. */
export interface ReportResult {
  readonly policy: string; readonly rule: string; readonly message: string; readonly result: 'pass' | 'fail' | 'warn' | 'error' | 'skip'; readonly source: string; readonly scored: boolean
  readonly category?: string; readonly severity?: string; readonly timestamp: { readonly seconds: number; readonly nanos: number }
}
export interface PolicyReport extends KubeObject {
  metadata: ObjectMeta
  scope?: { apiVersion: string; kind: string; name: string; namespace?: string; uid: string }
  results?: ReportResult[]
  summary?: { pass: number; fail: number; warn: number; error: number; skip: number }
}
export const PolicyReportKind: Kind<PolicyReport> = defineKind({ group: 'wgpolicyk8s.io', version: 'v1alpha2', kind: 'PolicyReport', plural: 'policyreports', scope: 'Namespaced', shortNames: ['polr'] })
export const ClusterPolicyReportKind: Kind<PolicyReport> = defineKind({ group: 'wgpolicyk8s.io', version: 'v1alpha2', kind: 'ClusterPolicyReport', plural: 'clusterpolicyreports', scope: 'Cluster', shortNames: ['cpolr'] })
