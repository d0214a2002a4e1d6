import type { Kind } from '@idp/api'
import { matchesWildcard } from '@idp/lang-jmespath'
import type { MatchBlock, PolicyObject, ResourceFilter, Rule } from '../kinds/policy.ts'
import { rulesOf } from './autogen.ts'
import { mutatesExisting } from './mutate-existing.ts'

/** `rules[]` of a webhook configuration. */
export interface WebhookRule { readonly apiGroups: string[]; readonly apiVersions: string[]; readonly resources: string[]; readonly operations: string[]; readonly scope: string }

export type RuleType = 'validate' | 'mutate'

/** What happens to requests when a policy cannot be asked. */
export const failurePolicyOf = ({ spec }: PolicyObject): 'Fail' | 'Ignore' => ((spec.webhookConfiguration?.failurePolicy ?? spec.failurePolicy) === 'Ignore' ? 'Ignore' : 'Fail')
/** Policies with match conditions have a webhook each, since the API server looks at these before it asks. */
export const hasMatchConditions = ({ spec }: PolicyObject): boolean => (spec.webhookConfiguration?.matchConditions ?? []).length > 0
/** A policy as its own webhook is named. */
export const webhookNameOf = ({ metadata }: PolicyObject): string => (metadata.namespace === undefined ? metadata.name ?? '' : `${metadata.namespace}.${metadata.name ?? ''}`)

const allOperations = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT']

/** Kinds that only requests of subresources carry. */
const connectKinds: Readonly<Record<string, string>> = { PodExecOptions: 'pods/exec', PodAttachOptions: 'pods/attach', PodPortForwardOptions: 'pods/portforward', PodProxyOptions: 'pods/proxy', ServiceProxyOptions: 'services/proxy', NodeProxyOptions: 'nodes/proxy', Eviction: 'pods/eviction' }

/** What must be sent to Kyverno for these policies: the kinds their rules name, with the operations; kinds that are not served (yet) give nothing. */
export function webhookRules(policies: readonly PolicyObject[], type: RuleType, served: readonly Kind[]): WebhookRule[] {
  const operations = new Map<string, Set<string>>()
  for (const rule of policies.filter(({ spec }) => spec.admission !== false).flatMap((policy) => rulesOf(policy)).filter((rule) => isAsked(rule, type))) {
    for (const filter of filtersOf(rule.match)) {
      const asked = operationsOf(rule, filter, type)
      for (const resource of (filter.resources?.kinds ?? []).flatMap((pattern) => resourcesMatching(pattern, served))) {
        const known = operations.get(resource) ?? new Set<string>()
        operations.set(resource, known)
        for (const operation of asked) known.add(operation)
      }
    }
  }
  const grouped = new Map<string, WebhookRule>()
  for (const [resource, asked] of [...operations].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const [group = '', version = '', plural = ''] = resource.split('|')
    const ordered = allOperations.filter((one) => asked.has(one))
    const key = `${group}|${version}|${ordered.join()}`
    const known = grouped.get(key)
    if (known === undefined) grouped.set(key, { apiGroups: [group], apiVersions: [version], resources: [plural], operations: ordered, scope: '*' })
    else known.resources.push(plural)
  }
  return [...grouped.values()]
}

/** Rules that change existing objects act after the request has been let through, as validate rules look at it; what verifies images writes their digests first. */
function isAsked(rule: Rule, type: RuleType): boolean {
  if (rule['verifyImages'] !== undefined) return true
  return type === 'validate' ? rule.validate !== undefined || mutatesExisting(rule) : rule.mutate !== undefined && !mutatesExisting(rule)
}

/** The operations that a rule names; without any, those in which it has something to say: patterns say nothing of what is deleted. */
function operationsOf(rule: Rule, { resources }: ResourceFilter, type: RuleType): readonly string[] {
  const named = resources?.operations
  if (named !== undefined && named.length > 0) return type === 'mutate' ? named.filter((one) => one !== 'DELETE') : named
  if (type === 'mutate' || rule['verifyImages'] !== undefined) return ['CREATE', 'UPDATE']
  const mayDeny = JSON.stringify(rule.validate ?? {}).includes('DELETE') || JSON.stringify(rule.preconditions ?? {}).includes('DELETE')
  const connects = (resources?.kinds ?? []).some((kind) => connectKinds[kind] !== undefined || /\/[a-z]+$/.test(kind))
  return ['CREATE', 'UPDATE', ...(mayDeny ? ['DELETE'] : []), ...(connects ? ['CONNECT'] : [])]
}

const filtersOf = (match: MatchBlock): readonly ResourceFilter[] => [match, ...(match.any ?? []), ...(match.all ?? [])]

export function kindsOf(match: MatchBlock): readonly string[] {
  return filtersOf(match).flatMap(({ resources }) => resources?.kinds ?? [])
}

/** `group|version|plural` of what a pattern means, subresources included: `Pod/exec`, `PodExecOptions`. */
function resourcesMatching(pattern: string, served: readonly Kind[]): readonly string[] {
  const connected = connectKinds[pattern]
  if (connected !== undefined) return [`|v1|${connected}`]
  const [, main = pattern, sub] = /^(.*[^/])\/([a-z?*][a-z?*]*)$/.exec(pattern) ?? []
  const isSub = sub !== undefined && sub !== '*' && /[A-Z]/.test(main)
  return kindsMatching(isSub ? main : pattern, served).map(({ group, version, plural }) => `${group}|${version}|${plural}${isSub ? `/${sub}` : ''}`)
}

/** Kinds that a pattern such as `Pod`, `apps/v1/Deployment` or `*` means. */
export function kindsMatching(pattern: string, served: readonly Kind[]): readonly Kind[] {
  const parts = pattern.split('/')
  const [group, version, name] = parts.length >= 3 ? parts : parts.length === 2 ? (/^v\d/.test(parts[0] ?? '') ? ['*', parts[0], parts[1]] : [parts[0], '*', parts[1]]) : ['*', '*', parts[0]]
  return served.filter((kind) => matchesWildcard(name ?? '', kind.kind) && matchesWildcard(version ?? '*', kind.version) && matchesWildcard(group ?? '*', kind.group))
}
