import type { Kind } from '@idp/api'
import { celFamily, type CelPolicy } from '../../kinds/cel-policy.ts'
import type { WebhookRule } from '../webhook-rules.ts'
import { compileCelPolicy } from './compile-policy.ts'

const families = { validate: ['Validating', 'ImageValidating'], mutate: ['Mutating', 'ImageValidating'] } as const

/** What must be sent to Kyverno for CEL policies: the resource rules of their constraints and of what is derived from them, as far as their kinds are served. A policy that does not compile asks for nothing. */
export function celWebhookRules(policies: readonly CelPolicy[], type: keyof typeof families, served: readonly Kind[]): WebhookRule[] {
  const wanted = new Map<string, WebhookRule>()
  for (const policy of policies) {
    if (!(families[type] as readonly string[]).includes(celFamily(policy) ?? '') || policy.spec.evaluation?.admission?.enabled === false) continue
    if (type === 'mutate' && policy.spec.validationConfigurations?.mutateDigest === false) continue
    for (const { operations = ['*'], ...rule } of resourceRules(policy)) {
      const has = (list: readonly string[] | undefined, value: string): boolean => list === undefined || list.includes('*') || list.includes(value)
      const asked = (operations.includes('*') ? ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'] : [...operations]).filter((one) => type === 'validate' || one !== 'DELETE').sort()
      for (const kind of served.filter((one) => has(rule.apiGroups, one.group) && has(rule.apiVersions, one.version))) {
        const key = `${kind.group}/${kind.version} ${asked.join()}`
        const known = wanted.get(key) ?? { apiGroups: [kind.group], apiVersions: [kind.version], resources: [], operations: asked, scope: '*' }
        const resources = (rule.resources ?? ['*']).flatMap((pattern) => resourcesOf(pattern, kind.plural))
        if (asked.length > 0 && resources.length > 0) wanted.set(key, { ...known, resources: [...new Set([...known.resources, ...resources])].sort() })
      }
    }
  }
  return [...wanted].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, rule]) => rule)
}

/** What a pattern means of a kind: `pods`, `pods/exec`, or a wildcard for either part. */
function resourcesOf(pattern: string, plural: string): readonly string[] {
  const [wanted, sub] = pattern.split('/')
  if (wanted !== '*' && wanted !== plural) return []
  return [sub === undefined ? plural : `${plural}/${sub}`]
}

function resourceRules(policy: CelPolicy) {
  try {
    return compileCelPolicy(policy).specs.flatMap(({ spec }) => spec.matchConstraints?.resourceRules ?? [])
  } catch {
    return [] // its status says why
  }
}
