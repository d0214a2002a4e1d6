import type { Kind } from '@idp/api'
import { matchesWildcard } from '@idp/lang-jmespath'
import type { MatchBlock, PolicyObject, Rule } from '../kinds/policy.ts'
import { rulesOf } from './autogen.ts'
import { mutatesExisting } from './mutate-existing.ts'

/** `rules[]` of a webhook configuration. */
export interface WebhookRule { readonly apiGroups: string[]; readonly apiVersions: string[]; readonly resources: string[]; readonly operations: string[]; readonly scope: string }

export type RuleType = 'validate' | 'mutate'

/** What must be sent to Kyverno for these policies, from the kinds their rules name; kinds that are not served (yet) give nothing. */
export function webhookRules(policies: readonly PolicyObject[], type: RuleType, served: readonly Kind[]): WebhookRule[] {
  const wanted = new Map<string, Set<string>>()
  for (const policy of policies) {
    for (const rule of rulesOf(policy)) {
      if (!isAsked(rule, type)) continue
      for (const pattern of kindsOf(rule.match)) {
        for (const kind of kindsMatching(pattern, served)) {
          const key = `${kind.group}/${kind.version}`
          const resources = wanted.get(key) ?? new Set<string>()
          wanted.set(key, resources)
          resources.add(kind.plural)
        }
      }
    }
  }
  return [...wanted].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, resources]) => {
    const [group = '', version = ''] = key.split('/')
    return { apiGroups: [group], apiVersions: [version], resources: [...resources].sort(), operations: type === 'mutate' ? ['CREATE', 'UPDATE'] : ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'].slice(0, 2), scope: '*' }
  })
}

/** Rules that change existing objects act after the request has been let through, as validate rules look at it. */
const isAsked = (rule: Rule, type: RuleType): boolean => (type === 'validate' ? rule.validate !== undefined || mutatesExisting(rule) : rule.mutate !== undefined && !mutatesExisting(rule))

export function kindsOf(match: MatchBlock): readonly string[] {
  return [match, ...(match.any ?? []), ...(match.all ?? [])].flatMap(({ resources }) => resources?.kinds ?? [])
}

/** Kinds that a pattern such as `Pod`, `apps/v1/Deployment` or `*` means. */
export function kindsMatching(pattern: string, served: readonly Kind[]): readonly Kind[] {
  const parts = pattern.split('/')
  const [group, version, name] = parts.length >= 3 ? parts : parts.length === 2 ? (/^v\d/.test(parts[0] ?? '') ? ['*', parts[0], parts[1]] : [parts[0], '*', parts[1]]) : ['*', '*', parts[0]]
  return served.filter((kind) => matchesWildcard(name ?? '', kind.kind) && matchesWildcard(version ?? '*', kind.version) && matchesWildcard(group ?? '*', kind.group))
}
