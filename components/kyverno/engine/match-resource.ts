import { matchesLabelSelector, type AnyObject, type LabelSelector } from '@idp/formats'
import { matchesWildcard } from '@idp/lang-jmespath'
import { boundedCache } from './bounded-cache.ts'
import { interned } from './intern.ts'
import type { MatchBlock, PolicyObject, ResourceFilter, Rule } from '../kinds/policy.ts'
import { wildcardTest } from './wildcard.ts'

/** A resource with what is known of the request that brings it; background scans know no user and no operation. */
export interface Subject {
  readonly object: AnyObject
  readonly operation?: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'
  readonly user?: { readonly username: string; readonly groups: readonly string[]; readonly roles?: readonly string[]; readonly clusterRoles?: readonly string[] }
  readonly namespaceLabels?: Readonly<Record<string, string>>
}

/** Whether something is about a resource. */
export type SubjectTest = (subject: Subject) => boolean

/** True when a rule is about the resource: its match block holds and its exclude block does not. */
export function ruleMatches({ match, exclude }: Pick<Rule, 'match' | 'exclude'>, subject: Subject): boolean {
  return blockTest(match)(subject) && (exclude === undefined || isEmpty(exclude) || !blockTest(exclude)(subject))
}

const about = interned(({ match, exclude }: { readonly match: MatchBlock; readonly exclude?: MatchBlock }): SubjectTest => {
  const wanted = blockTest(match)
  if (exclude === undefined || isEmpty(exclude)) return wanted
  const unwanted = blockTest(exclude)
  return (subject) => wanted(subject) && !unwanted(subject)
})

/** Match and exclude of a rule that have been read; the same function for rules that say the same. */
export function ruleTest({ match, exclude }: Pick<Rule, 'match' | 'exclude'>): SubjectTest {
  return about({ match, ...(exclude === undefined ? {} : { exclude }) })
}

/** Whether a policy is about a resource at all: a Policy is about its own namespace. */
export const isInScope = ({ kind, metadata }: PolicyObject, object: AnyObject): boolean => kind !== 'Policy' || metadata.namespace === undefined || metadata.namespace === (object.metadata.namespace ?? 'default')

/** Whether a rule can be about any resource of a kind at all; what cannot need never be looked at. */
export function mayConcern(rule: Pick<Rule, 'match'>, object: Pick<AnyObject, 'apiVersion' | 'kind'>): boolean {
  const { own, any, all } = partsOf(rule.match)
  const may = ({ resources }: ResourceFilter): boolean => resources?.kinds === undefined || resources.kinds.some((kind) => kindMatches(kind, object))
  return (any.length === 0 || any.some(may)) && [...own, ...all].every(may)
}

const isEmpty = (block: MatchBlock): boolean => Object.keys(block).length === 0
const partsOf = (block: MatchBlock) => ({ own: block.resources !== undefined || block.subjects !== undefined || block.roles !== undefined || block.clusterRoles !== undefined ? [block as ResourceFilter] : [], any: block.any ?? [], all: block.all ?? [] })

/** Read once for equal blocks. */
const blockTest = interned((block: MatchBlock): SubjectTest => {
  const parts = partsOf(block)
  const [any, all] = [parts.any.map(filterTest), [...parts.own, ...parts.all].map(filterTest)]
  const [only] = any
  if (any.length === 1 && all.length === 0 && only !== undefined) return only
  return any.length === 0 && all.length === 0 ? () => false : (subject) => (any.length === 0 || any.some((test) => test(subject))) && all.every((test) => test(subject))
})

function anyWildcard(patterns: readonly string[]): (value: string) => boolean {
  const tests = patterns.map(wildcardTest)
  return (value) => tests.some((test) => test(value))
}
const namespaceOf = ({ kind, metadata }: AnyObject): string => (kind === 'Namespace' ? metadata.name : metadata.namespace) ?? ''

function filterTest({ resources = {}, subjects, roles, clusterRoles }: ResourceFilter): SubjectTest {
  const { kinds, name, names, namespaces, operations, selector, namespaceSelector, annotations } = resources
  const [isNamed, isIn] = [names && anyWildcard(names), namespaces && anyWildcard(namespaces)]
  const tests: (SubjectTest | undefined)[] = [
    kinds && (({ object }) => kinds.some((kind) => kindMatches(kind, object))),
    name === undefined ? undefined : ({ object }) => matchesWildcard(name, object.metadata.name ?? ''),
    isNamed && (({ object }) => isNamed(object.metadata.name ?? '')),
    isIn && (({ object }) => isIn(namespaceOf(object))),
    operations && (({ operation }) => operation === undefined || operations.includes(operation)),
    selector && (({ object }) => matchesLabelSelector(selector as LabelSelector, object.metadata.labels ?? {})),
    namespaceSelector && (({ object, namespaceLabels = {} }) => matchesLabelSelector(namespaceSelector as LabelSelector, object.kind === 'Namespace' ? object.metadata.labels ?? {} : namespaceLabels)),
    annotations && (({ object }) => hasAnnotations(annotations, object.metadata.annotations ?? {})),
    subjects && (({ user }) => user !== undefined && subjects.some((one) => isSubject(one, user))),
    roles && (({ user }) => roles.some((role) => user?.roles?.some((have) => matchesWildcard(role, have)))),
    clusterRoles && (({ user }) => clusterRoles.some((role) => user?.clusterRoles?.some((have) => matchesWildcard(role, have)))),
  ]
  const asked = tests.filter((test) => test !== undefined)
  const [only] = asked
  return asked.length === 1 && only !== undefined ? only : (subject) => asked.every((test) => test(subject))
}

const hasAnnotations = (wanted: Readonly<Record<string, string>>, have: Readonly<Record<string, string>>): boolean =>
  Object.entries(wanted).every(([key, value]) => Object.entries(have).some(([k, v]) => matchesWildcard(key, k) && matchesWildcard(value, v)))

function isSubject({ kind, name, namespace }: { kind: string; name: string; namespace?: string }, user: NonNullable<Subject['user']>): boolean {
  if (kind === 'Group') return user.groups.some((group) => matchesWildcard(name, group))
  if (kind === 'ServiceAccount') return matchesWildcard(`system:serviceaccount:${namespace ?? '*'}:${name}`, user.username)
  return matchesWildcard(name, user.username)
}

/** The kind of a pattern, then the group and version that it names. */
const readKind = boundedCache((pattern: string): readonly string[] => {
  const parts = pattern.split(/[/.](?=[A-Z*])/)
  const prefix = parts.slice(0, -1).join('/')
  return [parts.at(-1) ?? '', ...(prefix === '' || prefix === '*' ? [] : prefix.split('/'))]
})

/** `Pod`, `apps/v1/Deployment`, a wildcard in any part; subresources match nothing here. */
export function kindMatches(pattern: string, object: Pick<AnyObject, 'apiVersion' | 'kind'>): boolean {
  const [kind = '', first, second] = readKind(pattern)
  if (kind !== object.kind && !matchesWildcard(kind, object.kind)) return false
  if (first === undefined) return true
  const [group, version] = object.apiVersion.includes('/') ? object.apiVersion.split('/') : ['', object.apiVersion]
  return second === undefined ? matchesWildcard(first, version ?? '') || matchesWildcard(first, group ?? '') : matchesWildcard(first, group ?? '') && matchesWildcard(second, version ?? '')
}
