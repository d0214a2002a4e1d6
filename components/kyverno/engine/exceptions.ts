import { matchesWildcard } from '@idp/lang-jmespath'
import type { PolicyException, PolicyObject, Rule } from '../kinds/policy.ts'
import { conditionsHold } from './conditions.ts'
import { requestScope, type Request } from './context.ts'
import { ruleMatches } from './match-resource.ts'
import type { ControlExclusion } from './judge-pod-security.ts'
import type { Judgement } from './verdict.ts'

export type { PolicyException } from '../kinds/policy.ts'

/** The skip that an exception makes of a rule for a resource; undefined where none is about them. */
export function isExcepted(exceptions: readonly PolicyException[], policy: PolicyObject, rule: Rule, request: Request): Judgement | undefined {
  const found = exceptions.find((one) => one.spec.podSecurity === undefined && isMeant(one, policy, rule, request))
  return found === undefined ? undefined : { verdict: 'skip', message: `rule is skipped due to policy exceptions ${found.metadata.namespace ?? ''}/${found.metadata.name ?? ''}` }
}

/** The pod security controls that exceptions let through for a resource. */
export function exemptedControls(exceptions: readonly PolicyException[], policy: PolicyObject, rule: Rule, request: Request): readonly ControlExclusion[] {
  return exceptions.filter((one) => one.spec.podSecurity !== undefined && isMeant(one, policy, rule, request)).flatMap(({ spec }) => spec.podSecurity as readonly ControlExclusion[])
}

function isMeant({ spec }: PolicyException, policy: PolicyObject, rule: Rule, request: Request): boolean {
  const key = policy.metadata.namespace === undefined ? policy.metadata.name ?? '' : `${policy.metadata.namespace}/${policy.metadata.name ?? ''}`
  return spec.exceptions.some(({ policyName, ruleNames }) => policyName === key && ruleNames.some((name) => matchesWildcard(name, rule.name)))
    && ruleMatches({ match: spec.match }, request) && conditionsHold(spec.conditions, requestScope(request), 'null')
}
