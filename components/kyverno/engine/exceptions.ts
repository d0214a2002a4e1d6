import { matchesWildcard } from '@idp/lang-jmespath'
import type { PolicyException, PolicyObject, Rule } from '../kinds/policy.ts'
import { conditionsHold } from './conditions.ts'
import { requestScope, type Request } from './context.ts'
import { ruleMatches } from './match-resource.ts'
import type { Judgement } from './verdict.ts'

export type { PolicyException } from '../kinds/policy.ts'

/** The skip that an exception makes of a rule for a resource; undefined where none is about them. Exceptions of single pod security controls are not read. */
export function isExcepted(exceptions: readonly PolicyException[], policy: PolicyObject, rule: Rule, request: Request): Judgement | undefined {
  const key = policy.metadata.namespace === undefined ? policy.metadata.name ?? '' : `${policy.metadata.namespace}/${policy.metadata.name ?? ''}`
  const found = exceptions.find(({ spec }) => spec.podSecurity === undefined
    && spec.exceptions.some(({ policyName, ruleNames }) => policyName === key && ruleNames.some((name) => matchesWildcard(name, rule.name)))
    && ruleMatches({ match: spec.match }, request) && conditionsHold(spec.conditions, requestScope(request), 'null'))
  return found === undefined ? undefined : { verdict: 'skip', message: `rule is skipped due to policy exceptions ${found.metadata.namespace ?? ''}/${found.metadata.name ?? ''}` }
}
