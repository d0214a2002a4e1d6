import { matchesLabelSelector, type AnyObject, type LabelSelector } from '@idp/formats'
import { matchesWildcard } from '@idp/lang-jmespath'
import type { MatchBlock, ResourceFilter, Rule } from '../kinds/policy.ts'

/** A resource with what is known of the request that brings it; background scans know no user and no operation. */
export interface Subject {
  readonly object: AnyObject
  readonly operation?: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'
  readonly user?: { readonly username: string; readonly groups: readonly string[]; readonly roles?: readonly string[]; readonly clusterRoles?: readonly string[] }
  readonly namespaceLabels?: Readonly<Record<string, string>>
}

/** True when a rule is about the resource: its match block holds and its exclude block does not. */
export function ruleMatches(rule: Pick<Rule, 'match' | 'exclude'>, subject: Subject): boolean {
  return blockHolds(rule.match, subject) && !(rule.exclude !== undefined && !isEmpty(rule.exclude) && blockHolds(rule.exclude, subject))
}

const isEmpty = (block: MatchBlock): boolean => Object.keys(block).length === 0

function blockHolds(block: MatchBlock, subject: Subject): boolean {
  const own: ResourceFilter[] = block.resources !== undefined || block.subjects !== undefined || block.roles !== undefined || block.clusterRoles !== undefined ? [block] : []
  const all = [...own, ...(block.all ?? [])]
  return (block.any === undefined || block.any.length === 0 ? all.length > 0 : block.any.some((one) => filterHolds(one, subject))) && all.every((one) => filterHolds(one, subject))
}

const anyWildcard = (patterns: readonly string[], value: string): boolean => patterns.some((pattern) => matchesWildcard(pattern, value))

function filterHolds({ resources = {}, subjects, roles, clusterRoles }: ResourceFilter, subject: Subject): boolean {
  const { object, operation, user, namespaceLabels = {} } = subject
  const { metadata } = object
  const labels = metadata.labels ?? {}
  const namespace = object.kind === 'Namespace' ? metadata.name ?? '' : metadata.namespace ?? ''
  if (resources.kinds !== undefined && !resources.kinds.some((kind) => kindMatches(kind, object))) return false
  if (resources.name !== undefined && !matchesWildcard(resources.name, metadata.name ?? '')) return false
  if (resources.names !== undefined && !anyWildcard(resources.names, metadata.name ?? '')) return false
  if (resources.namespaces !== undefined && !anyWildcard(resources.namespaces, namespace)) return false
  if (resources.operations !== undefined && operation !== undefined && !resources.operations.includes(operation)) return false
  if (resources.selector !== undefined && !matchesLabelSelector(resources.selector as LabelSelector, labels)) return false
  if (resources.namespaceSelector !== undefined && !matchesLabelSelector(resources.namespaceSelector as LabelSelector, object.kind === 'Namespace' ? labels : namespaceLabels)) return false
  if (resources.annotations !== undefined && !Object.entries(resources.annotations).every(([key, value]) => Object.entries(metadata.annotations ?? {}).some(([k, v]) => matchesWildcard(key, k) && matchesWildcard(value, v)))) return false
  if (subjects !== undefined && !(user !== undefined && subjects.some((one) => isSubject(one, user)))) return false
  if (roles !== undefined && !roles.some((role) => user?.roles?.some((have) => matchesWildcard(role, have)))) return false
  if (clusterRoles !== undefined && !clusterRoles.some((role) => user?.clusterRoles?.some((have) => matchesWildcard(role, have)))) return false
  return true
}

function isSubject({ kind, name, namespace }: { kind: string; name: string; namespace?: string }, user: NonNullable<Subject['user']>): boolean {
  if (kind === 'Group') return user.groups.some((group) => matchesWildcard(name, group))
  if (kind === 'ServiceAccount') return matchesWildcard(`system:serviceaccount:${namespace ?? '*'}:${name}`, user.username)
  return matchesWildcard(name, user.username)
}

const patterns = new Map<string, readonly string[]>()

/** The kind of a pattern, then the group and version that it names. */
function readKind(pattern: string): readonly string[] {
  const known = patterns.get(pattern)
  if (known !== undefined) return known
  const parts = pattern.split(/[/.](?=[A-Z*])/)
  const prefix = parts.slice(0, -1).join('/')
  const made = [parts.at(-1) ?? '', ...(prefix === '' || prefix === '*' ? [] : prefix.split('/'))]
  if (patterns.size > 2_000) patterns.clear()
  patterns.set(pattern, made)
  return made
}

/** `Pod`, `apps/v1/Deployment`, a wildcard in any part; subresources match nothing here. */
export function kindMatches(pattern: string, object: AnyObject): boolean {
  const [kind = '', first, second] = readKind(pattern)
  if (!matchesWildcard(kind, object.kind)) return false
  if (first === undefined) return true
  const [group, version] = object.apiVersion.includes('/') ? object.apiVersion.split('/') : ['', object.apiVersion]
  return second === undefined ? matchesWildcard(first, version ?? '') || matchesWildcard(first, group ?? '') : matchesWildcard(first, group ?? '') && matchesWildcard(second, version ?? '')
}
