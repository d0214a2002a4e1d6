import type { PolicyObject } from '../kinds/policy.ts'
import type { ContextSource, Request } from './context.ts'
import type { PolicyException } from './exceptions.ts'
import { isInScope } from './match-resource.ts'
import { indexOf } from './policy-index.ts'
import { runChecks, type RuleResult } from './validate-rule.ts'

export type { ContextSource, Request } from './context.ts'
export type { RuleResult } from './validate-rule.ts'
export type { Verdict } from './verdict.ts'
export { mutateResource, mutationResults, type MutationResult } from './mutate-rule.ts'
export { unsupportedFeatures } from './unsupported.ts'

/** Runs the validate rules of a policy on a resource, those derived for pod controllers included. Rules that are not about the resource give nothing. */
export async function validateResource(policy: PolicyObject, request: Request, source: ContextSource, exceptions: readonly PolicyException[] = []): Promise<RuleResult[]> {
  if (!isInScope(policy, request.object)) return []
  return runChecks(indexOf(policy).checks(request.object), request, { source, exceptions })
}
