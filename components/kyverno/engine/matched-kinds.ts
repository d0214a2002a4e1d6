import type { Kind } from '@idp/api'
import type { PolicyObject } from '../kinds/policy.ts'
import { rulesOf } from './autogen.ts'
import { kindsMatching, kindsOf } from './webhook-rules.ts'

/** The served kinds that policies are about, each once. */
export function matchedKinds(policies: readonly PolicyObject[], served: readonly Kind[]): readonly Kind[] {
  return [...new Set(policies.flatMap((policy) => rulesOf(policy)).flatMap((rule) => kindsOf(rule.match)).flatMap((pattern) => kindsMatching(pattern, served)))]
}
