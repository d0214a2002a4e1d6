import type { Kind } from '@idp/api'
import { admissionFamily, celFamily, type CelPolicy } from '../kinds/cel-policy.ts'
import type { PolicyObject } from '../kinds/policy.ts'
import { rulesOf } from './autogen.ts'
import { compileCelPolicy } from './cel/compile-policy.ts'
import { kindsMatching, kindsOf } from './webhook-rules.ts'

/** The served kinds that policies are about, each once. A policy that does not compile is about none. */
export function matchedKinds(policies: readonly PolicyObject[], served: readonly Kind[]): readonly Kind[] {
  return [...new Set(policies.flatMap((policy) => (celFamily(policy) === undefined && admissionFamily(policy) === undefined ? classicKinds(policy, served) : celKinds(policy as unknown as CelPolicy, served))))]
}

const classicKinds = (policy: PolicyObject, served: readonly Kind[]): readonly Kind[] => rulesOf(policy).flatMap((rule) => kindsOf(rule.match)).flatMap((pattern) => kindsMatching(pattern, served))

/** The kinds that the constraints of a policy and of what is derived from it name. */
export function celKinds(policy: CelPolicy, served: readonly Kind[]): readonly Kind[] {
  const has = (list: readonly string[] | undefined, value: string): boolean => list === undefined || list.includes('*') || list.includes(value)
  try {
    const rules = compileCelPolicy(policy).specs.flatMap(({ spec }) => spec.matchConstraints?.resourceRules ?? [])
    return served.filter((kind) => rules.some((rule) => has(rule.apiGroups, kind.group) && has(rule.apiVersions, kind.version) && has(rule.resources, kind.plural)))
  } catch {
    return [] // its status says why
  }
}
