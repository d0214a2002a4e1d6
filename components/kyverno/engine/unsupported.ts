import type { PolicyObject } from '../kinds/policy.ts'

/** Fields of a rule this engine does not evaluate; a policy with one is refused by name at admission. */
const unsupported: Readonly<Record<'rule' | 'validate', readonly string[]>> = {
  rule: [], validate: ['assert'],
}

/** Names of the features in a policy that are not there, e.g. `rules[0].validate.cel`; empty when all are. */
export function unsupportedFeatures(policy: PolicyObject): string[] {
  return policy.spec.rules.flatMap((rule, index) => [...(Object.keys(unsupported) as (keyof typeof unsupported)[]).flatMap((part) => {
    const fields = (part === 'rule' ? rule : rule[part]) as Readonly<Record<string, unknown>> | undefined
    const at = part === 'rule' ? `rules[${index}]` : `rules[${index}].${part}`
    return unsupported[part].filter((name) => fields?.[name] !== undefined).map((name) => `${at}.${name}`)
  })])
}

/** The first part of a `validate` that nobody here decides. */
export function unsupportedValidation(asked: Readonly<Record<string, unknown>>): string | undefined {
  return unsupported.validate.find((name) => asked[name] !== undefined)
}
