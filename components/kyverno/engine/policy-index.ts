import type { AnyObject } from '@idp/formats'
import type { PolicyObject, Rule } from '../kinds/policy.ts'
import { rulesOf } from './autogen.ts'
import { boundedCache } from './bounded-cache.ts'
import { mayConcern } from './match-resource.ts'
import { checkListOf, type CheckList } from './validate-rule.ts'

/** The rules of policies by the kinds they may be about: what names other kinds costs a request nothing. */
export interface PolicyIndex {
  /** Validate rules that may be about a kind, ready to run, in the order of the policies. */
  checks(object: Kinded): CheckList
  /** Policies with mutate rules that may be about a kind. */
  mutating(object: Kinded): readonly PolicyObject[]
  /** Rules that verify images and may be about a kind. */
  verifying(object: Kinded): readonly { readonly policy: PolicyObject; readonly rule: Rule }[]
}
type Kinded = Pick<AnyObject, 'apiVersion' | 'kind'>

const indexes = new WeakMap<readonly PolicyObject[] | PolicyObject, PolicyIndex>()

/** The index of a policy, or of a list of policies; kept per list, so hand in the same array while the policies are the same. */
export function indexOf(policies: readonly PolicyObject[] | PolicyObject): PolicyIndex {
  const known = indexes.get(policies)
  if (known !== undefined) return known
  const made = createIndex('metadata' in policies ? [policies] : policies)
  indexes.set(policies, made)
  return made
}

function createIndex(policies: readonly PolicyObject[]): PolicyIndex {
  const rulesFor = (policy: PolicyObject, key: string, type: 'validate' | 'mutate' | 'verifyImages'): Rule[] => {
    const [apiVersion = '', kind = ''] = key.split(' ')
    return rulesOf(policy).filter((rule) => rule[type] !== undefined && mayConcern(rule, { apiVersion, kind }))
  }
  const checks = boundedCache((key) => checkListOf(policies.flatMap((policy) => rulesFor(policy, key, 'validate').map((rule) => ({ policy, rule })))))
  const mutating = boundedCache((key) => policies.filter((policy) => rulesFor(policy, key, 'mutate').length > 0))
  const verifying = boundedCache((key) => policies.flatMap((policy) => rulesFor(policy, key, 'verifyImages').map((rule) => ({ policy, rule }))))
  const keyOf = ({ apiVersion, kind }: Kinded): string => `${apiVersion} ${kind}`
  return { checks: (object) => checks(keyOf(object)), mutating: (object) => mutating(keyOf(object)), verifying: (object) => verifying(keyOf(object)) }
}
