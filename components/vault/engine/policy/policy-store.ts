import { storageView, type Storage } from '../storage/storage.ts'
import { badRequest } from '../vault-error.ts'
import { createAcl, rootAcl, type Acl } from './acl.ts'
import { parsePolicy, type PathRule } from './parse-policy.ts'

export interface StoredPolicy { readonly name: string; readonly raw: string; readonly modified: number; readonly version: number }

/** Fills `{{…}}` of a policy's paths; undefined when the entity has no such value, and the rule then does not apply. */
export type Template = (expression: string) => string | undefined

export interface PolicyStore {
  names(): string[]
  find(name: string): StoredPolicy | undefined
  /** @throws VaultError 400 for text that does not parse and for names that are kept. */
  save(name: string, raw: string, now: number): void
  remove(name: string): void
  acl(names: readonly string[], template: Template): Acl
}

/** What the policy `default` allows a token to do with itself. Own words; the paths are upstream's. */
const defaultPolicy = `
# A token may look at, renew and revoke itself, and use what belongs to it alone.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
path "sys/capabilities-self" { capabilities = ["update"] }
path "identity/entity/id/{{identity.entity.id}}" { capabilities = ["read"] }
path "identity/entity/name/{{identity.entity.name}}" { capabilities = ["read"] }
path "sys/internal/ui/resultant-acl" { capabilities = ["read"] }
path "sys/renew" { capabilities = ["update"] }
path "sys/leases/renew" { capabilities = ["update"] }
path "sys/leases/lookup" { capabilities = ["update"] }
path "cubbyhole/*" { capabilities = ["create", "read", "update", "delete", "list"] }
path "sys/wrapping/wrap" { capabilities = ["update"] }
path "sys/wrapping/lookup" { capabilities = ["update"] }
path "sys/wrapping/unwrap" { capabilities = ["update"] }
path "sys/tools/hash" { capabilities = ["update"] }
path "sys/tools/hash/*" { capabilities = ["update"] }
`

/** For tokens that carry a wrapped answer. */
const wrappingPolicy = `
path "cubbyhole/response" { capabilities = ["create", "read"] }
path "sys/wrapping/unwrap" { capabilities = ["update"] }
`

/** Access lists that are kept; one for each set of policies and each entity that templates speak of. */
const mostAcls = 1000

export function createPolicyStore(whole: Storage, now: number): PolicyStore {
  const storage = storageView(whole, 'policy/')
  const parsed = new Map<string, { readonly raw: string; readonly rules: readonly PathRule[] }>()
  const find = (name: string): StoredPolicy | undefined => {
    if (name === 'root') return { name, raw: '', modified: now, version: 0 }
    if (name === 'response-wrapping') return { name, raw: wrappingPolicy, modified: now, version: 0 }
    return storage.get<StoredPolicy>(name)
  }
  const write = (name: string, raw: string, at: number): void => storage.put(name, { name, raw, modified: at, version: (find(name)?.version ?? 0) + 1 } satisfies StoredPolicy)
  if (find('default') === undefined) write('default', defaultPolicy, now)
  const ruleCache = new Map<string, readonly PathRule[]>()
  const aclCache = new Map<string, Acl>()
  const forget = (): void => {
    ruleCache.clear()
    aclCache.clear()
  }

  function rulesOf(name: string): readonly PathRule[] {
    const policy = find(name)
    if (policy === undefined) return []
    const known = parsed.get(name)
    if (known?.raw === policy.raw) return known.rules
    const rules = parsePolicy(policy.raw)
    parsed.set(name, { raw: policy.raw, rules })
    return rules
  }
  return {
    names: () => [...storage.keys(''), 'root'].sort(),
    find,
    save(name, raw, at) {
      if (name === 'root') throw badRequest('cannot update "root" policy')
      if (name === 'response-wrapping') throw badRequest(`cannot update ${JSON.stringify(name)} policy`)
      parsePolicy(raw)
      write(name, raw, at)
      forget()
    },
    remove(name) {
      if (name === 'root' || name === 'default' || name === 'response-wrapping') throw badRequest(`cannot delete ${JSON.stringify(name)} policy`)
      storage.delete(name)
      forget()
    },
    acl(names, template) {
      if (names.includes('root')) return rootAcl
      const key = [...names].sort().join('\n')
      let rules = ruleCache.get(key)
      if (rules === undefined) ruleCache.set(key, (rules = names.flatMap(rulesOf)))
      // Nearly every token has the policy `default`, which has templates: what they are filled with is part of the key.
      const filled = rules.map((rule) => (rule.path.includes('{{') ? fill(rule, template) : rule))
      const whole = [key, ...filled.flatMap((rule, i) => (rule === rules?.[i] ? [] : [rule?.path ?? '']))].join('\n')
      let acl = aclCache.get(whole)
      if (acl !== undefined) return acl
      acl = createAcl(filled.filter((rule) => rule !== undefined))
      if (aclCache.size >= mostAcls) aclCache.clear()
      aclCache.set(whole, acl)
      return acl
    },
  }
}

/** The rule with its templates filled in; undefined when one has no value. A value with wildcards is refused. */
function fill(rule: PathRule, template: Template): PathRule | undefined {
  let whole = true
  const path = rule.path.replaceAll(/\{\{\s*(.*?)\s*\}\}/g, (_, expression: string) => {
    const value = template(expression)
    if (value === undefined || value === '' || /[*+]/.test(value)) whole = false
    return value ?? ''
  })
  return whole ? { ...rule, path } : undefined
}
