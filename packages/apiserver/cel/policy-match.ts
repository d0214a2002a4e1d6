import type { LabelSelector } from '@idp/formats'
import type { AdmissionRequest } from '../admission/admission.ts'
import type { ServerContext } from '../server-context.ts'
import { matchRequest, type MatchedAs, type MatchRule } from '../webhook/match-webhook.ts'

/** `matchConstraints` of a policy, `matchResources` of a binding. */
export interface PolicyMatch {
  readonly resourceRules?: MatchRule[]
  readonly excludeResourceRules?: MatchRule[]
  readonly matchPolicy?: string
  readonly namespaceSelector?: LabelSelector
  readonly objectSelector?: LabelSelector
}

const everything: MatchRule[] = [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*', '*/*'] }]

/** How a policy or binding sees a request; undefined when it does not concern it. Without rules a binding takes what its policy takes. */
export function matchPolicy(server: Pick<ServerContext, 'storage' | 'registry'>, match: PolicyMatch | undefined, request: AdmissionRequest, withoutRules: 'all' | 'none'): MatchedAs | undefined {
  const rules = match?.resourceRules ?? []
  const { matchPolicy: policy, namespaceSelector, objectSelector, excludeResourceRules = [] } = match ?? {}
  const common = { ...policy !== undefined && { matchPolicy: policy }, ...namespaceSelector !== undefined && { namespaceSelector }, ...objectSelector !== undefined && { objectSelector } }
  const found = matchRequest(server, { ...common, rules: rules.length === 0 && withoutRules === 'all' ? everything : rules }, request)
  if (!found || excludeResourceRules.length === 0) return found
  return matchRequest(server, { ...policy !== undefined && { matchPolicy: policy }, rules: excludeResourceRules }, request) ? undefined : found
}
