import { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import type { ObjectStorage } from '../object-storage.ts'
import type { Resource } from '../resource.ts'
import type { ResourceRegistry } from '../resource-registry.ts'
import type { User } from '../server-context.ts'
import type { Attributes, Authorizer } from './authorizer.ts'
import { allowsName, ruleConcerns, type PolicyRule } from './policy-rule.ts'

/** One subject of one binding. */
interface Bound { readonly binding: RoleBinding; readonly subject: NonNullable<RoleBinding['subjects']>[number] }
type Index = Map<string, Map<string, Map<string, readonly Bound[]>>>
interface Allowed { readonly rule: PolicyRule; readonly reason: string }
/** The grants of a user by namespace, and which of their rules concern a question apart from its name. */
interface Known { readonly keys: readonly string[]; readonly at: number; readonly grants: Map<string, readonly Grant[]>; readonly answers: Map<string, readonly Allowed[]> }
interface Grant { readonly rules: readonly PolicyRule[]; readonly reason: string }

/** Who may do what, read from Roles and bindings. */
export interface Rbac extends Authorizer {
  /** All rules that hold for a user in a namespace ('' for cluster-wide ones alone). */
  rulesOf(user: User, namespace: string): PolicyRule[]
  /** The rules of a role as it stands now; undefined when it does not exist. */
  rulesOfRole(kind: string, name: string, namespace: string): readonly PolicyRule[] | undefined
}

/** How many answered questions are remembered of one user; a bound for callers that ask without end. */
const mostQuestions = 4096

/** RBAC over the stored objects. Bindings are indexed by subject; rules are read when a question is asked for the first time. */
export function rbac(storage: ObjectStorage, registry: ResourceRegistry): Rbac {
  const resource = (kind: { group: string; version: string; plural: string }): Resource => {
    const found = registry.find(kind.group, kind.version, kind.plural)
    if (found === undefined) throw new Error(`${kind.plural} is not among the built-in kinds`)
    return found
  }
  const [roles, clusterRoles, roleBindings, clusterRoleBindings] = [Role, ClusterRole, RoleBinding, ClusterRoleBinding].map(resource) as [Resource, Resource, Resource, Resource]
  const prefixes = new Set([roles, clusterRoles, roleBindings, clusterRoleBindings].map(({ prefix }) => prefix))
  /** namespace ('' cluster) -> subject -> bindings by name; undefined until somebody asks. */
  let index: Index | undefined
  /** What is known of each user until a rule changes that concerns them. */
  const known = new WeakMap<User, Known>()
  /** When something last changed for a subject, counted in changes. */
  const changedAt = new Map<string, number>()
  let changes = 0
  const touch = ({ subjects }: RoleBinding) => {
    changes++
    for (const subject of subjects ?? []) changedAt.set(keyOf(subject), changes)
  }
  const bindingPrefixes = new Set([roleBindings.prefix, clusterRoleBindings.prefix])
  storage.onWrite(({ resource: { prefix }, before, after }) => {
    // Until somebody asks nothing is known.
    if (index === undefined || !prefixes.has(prefix)) return
    if (!bindingPrefixes.has(prefix)) {
      const role = (after ?? before)?.metadata
      const kind = prefix === clusterRoles.prefix ? 'ClusterRole' : 'Role'
      for (const { binding } of boundIn(index)) if (binding.roleRef.name === role?.name && binding.roleRef.kind === kind && (kind === 'ClusterRole' || binding.metadata.namespace === role?.namespace)) touch(binding)
      return
    }
    for (const binding of [before, after]) if (binding !== undefined) touch(binding as unknown as RoleBinding)
    if (before !== undefined) remove(index, before)
    if (after !== undefined) add(index, after)
  })

  const rulesOfRole = (kind: string, name: string, namespace: string) => {
    const role = kind === 'ClusterRole' ? storage.find(clusterRoles, { name }) : storage.find(roles, { namespace, name })
    return role === undefined ? undefined : ((role['rules'] ?? []) as PolicyRule[])
  }
  const current = (): Index => {
    if (index !== undefined) return index
    index = new Map()
    for (const binding of [...storage.list(clusterRoleBindings), ...storage.list(roleBindings)]) add(index, binding)
    return index
  }
  const grantOf = ({ binding, subject }: Bound): Grant | undefined => {
    const { roleRef, metadata } = binding
    const namespace = metadata.namespace ?? ''
    const rules = rulesOfRole(roleRef.kind, roleRef.name, namespace)
    if (rules === undefined || rules.length === 0) return undefined
    const by = namespace === '' ? `ClusterRoleBinding "${metadata.name ?? ''}"` : `RoleBinding "${metadata.name ?? ''}/${namespace}"`
    const to = subject.kind === 'ServiceAccount' ? `ServiceAccount "${subject.name}/${subject.namespace ?? ''}"` : `${subject.kind} "${subject.name}"`
    return { rules, reason: `RBAC: allowed by ${by} of ${roleRef.kind} "${roleRef.name}" to ${to}` }
  }
  const keysOf = (user: User): string[] => [`User:${user.name}`, ...user.groups.map((group) => `Group:${group}`)]
  const grantsOf = (keys: readonly string[], namespace: string): Grant[] => {
    return (namespace === '' ? [''] : ['', namespace]).flatMap((scope) => {
      const bySubject = current().get(scope)
      if (bySubject === undefined) return []
      return keys.flatMap((key) => [...bySubject.get(key)?.values() ?? []].flat().sort(byBindingName).map(grantOf).filter((grant) => grant !== undefined))
    })
  }
  const isStale = ({ keys, at }: Known): boolean => {
    if (at === changes) return false
    for (const key of keys) if ((changedAt.get(key) ?? 0) > at) return true
    return false
  }
  const concerns = (user: User, attributes: Attributes): readonly Allowed[] => {
    const { isResource, verb, path, group, resource: plural, subresource, namespace } = attributes
    let about = known.get(user)
    if (about === undefined || isStale(about)) known.set(user, (about = { keys: about?.keys ?? keysOf(user), at: changes, grants: new Map(), answers: new Map() }))
    const key = isResource ? `${verb} ${group}/${plural}/${subresource} ${namespace}` : `${verb} ${path}`
    let found = about.answers.get(key)
    if (found !== undefined) return found
    const scope = isResource ? namespace : ''
    let grants = about.grants.get(scope)
    if (grants === undefined) about.grants.set(scope, (grants = grantsOf(about.keys, scope)))
    found = grants.flatMap(({ rules, reason }) => rules.filter((rule) => ruleConcerns(rule, attributes)).map((rule) => ({ rule, reason })))
    if (about.answers.size >= mostQuestions) about.answers.clear()
    about.answers.set(key, found)
    return found
  }
  return {
    authorize(user, attributes) {
      if (user.groups.includes('system:masters')) return { allowed: true }
      const found = concerns(user, attributes).find(({ rule }) => allowsName(rule, attributes.isResource, attributes.name))
      return found === undefined ? { allowed: false } : { allowed: true, reason: found.reason }
    },
    rulesOf: (user, namespace) => user.groups.includes('system:masters')
      ? [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { verbs: ['*'], nonResourceURLs: ['*'] }]
      : grantsOf(keysOf(user), namespace).flatMap(({ rules }) => rules),
    rulesOfRole,
  }
}

function keyOf({ kind, name, namespace }: Bound['subject']): string {
  return kind === 'ServiceAccount' ? `User:system:serviceaccount:${namespace ?? ''}:${name}` : `${kind}:${name}`
}

function add(index: Index, object: AnyObject): void {
  const binding = object as unknown as RoleBinding
  const { namespace = '', name = '' } = binding.metadata
  let bySubject = index.get(namespace)
  if (bySubject === undefined) index.set(namespace, (bySubject = new Map()))
  for (const subject of binding.subjects ?? []) {
    const key = keyOf(subject)
    let bindings = bySubject.get(key)
    if (bindings === undefined) bySubject.set(key, (bindings = new Map()))
    bindings.set(name, [...bindings.get(name) ?? [], { binding, subject }])
  }
}

function* boundIn(index: Index): Generator<Bound> {
  for (const bySubject of index.values()) for (const bindings of bySubject.values()) for (const bound of bindings.values()) yield* bound
}

function remove(index: Index, object: AnyObject): void {
  const { metadata: { namespace = '', name = '' }, subjects = [] } = object as unknown as RoleBinding
  for (const subject of subjects ?? []) index.get(namespace)?.get(keyOf(subject))?.delete(name)
}

/** As they are listed. */
function byBindingName(a: Bound, b: Bound): number {
  const [left, right] = [a.binding.metadata.name ?? '', b.binding.metadata.name ?? '']
  return left < right ? -1 : left > right ? 1 : 0
}
