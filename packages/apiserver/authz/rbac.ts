import { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import type { ObjectStorage } from '../object-storage.ts'
import type { Resource } from '../resource.ts'
import type { ResourceRegistry } from '../resource-registry.ts'
import type { User } from '../server-context.ts'
import type { Attributes, Authorizer } from './authorizer.ts'
import { allowsName, ruleConcerns, type PolicyRule } from './policy-rule.ts'

interface Grant { readonly rules: readonly PolicyRule[]; readonly reason: string }

/** Who may do what, read from Roles and bindings. */
export interface Rbac extends Authorizer {
  /** All rules that hold for a user in a namespace ('' for cluster-wide ones alone). */
  rulesOf(user: User, namespace: string): PolicyRule[]
  /** The rules of a role as it stands now; undefined when it does not exist. */
  rulesOfRole(kind: string, name: string, namespace: string): readonly PolicyRule[] | undefined
}

/** How many answered questions are remembered; a bound for callers that ask without end. */
const mostQuestions = 10_000

/** RBAC over the stored objects. Indexed by subject; an index is built anew after a write to one of the four kinds. */
export function rbac(storage: ObjectStorage, registry: ResourceRegistry): Rbac {
  const resource = (kind: { group: string; version: string; plural: string }): Resource => {
    const found = registry.find(kind.group, kind.version, kind.plural)
    if (found === undefined) throw new Error(`${kind.plural} is not among the built-in kinds`)
    return found
  }
  const [roles, clusterRoles, roleBindings, clusterRoleBindings] = [Role, ClusterRole, RoleBinding, ClusterRoleBinding].map(resource) as [Resource, Resource, Resource, Resource]
  const prefixes = new Set([roles, clusterRoles, roleBindings, clusterRoleBindings].map(({ prefix }) => prefix))
  /** namespace ('' cluster) -> subject -> grants */
  let index: Map<string, Map<string, Grant[]>> | undefined
  /** What of a user's rules concerns a question apart from its name, until a rule changes. */
  const concerning = new Map<string, readonly { readonly rule: PolicyRule; readonly reason: string }[]>()
  storage.onWrite(({ resource: { prefix } }) => {
    if (!prefixes.has(prefix)) return
    index = undefined
    concerning.clear()
  })

  const rulesOfRole = (kind: string, name: string, namespace: string) => {
    const role = kind === 'ClusterRole' ? storage.find(clusterRoles, { name }) : storage.find(roles, { namespace, name })
    return role === undefined ? undefined : ((role['rules'] ?? []) as PolicyRule[])
  }
  const add = (into: Map<string, Map<string, Grant[]>>, binding: AnyObject) => {
    const { roleRef, subjects = [] } = binding as unknown as RoleBinding
    const namespace = binding.metadata.namespace ?? ''
    const rules = rulesOfRole(roleRef.kind, roleRef.name, namespace)
    if (rules === undefined || rules.length === 0) return
    const kind = namespace === '' ? 'ClusterRoleBinding' : 'RoleBinding'
    const name = namespace === '' ? binding.metadata.name ?? '' : `${binding.metadata.name ?? ''}/${namespace}`
    const grant = { rules, reason: `RBAC: allowed by ${kind} "${name}" of ${roleRef.kind} "${roleRef.name}" to ` }
    const bySubject = into.get(namespace) ?? new Map<string, Grant[]>()
    into.set(namespace, bySubject)
    for (const subject of subjects) {
      const key = subject.kind === 'ServiceAccount' ? `User:system:serviceaccount:${subject.namespace ?? ''}:${subject.name}` : `${subject.kind}:${subject.name}`
      const text = subject.kind === 'ServiceAccount' ? `ServiceAccount "${subject.name}/${subject.namespace ?? ''}"` : `${subject.kind} "${subject.name}"`
      bySubject.set(key, [...(bySubject.get(key) ?? []), { rules, reason: grant.reason + text }])
    }
  }
  const current = () => {
    if (index !== undefined) return index
    const made = new Map<string, Map<string, Grant[]>>()
    for (const binding of storage.list(clusterRoleBindings)) add(made, binding)
    for (const binding of storage.list(roleBindings)) add(made, binding)
    return (index = made)
  }
  function* grantsOf(user: User, namespace: string): Generator<Grant> {
    for (const scope of namespace === '' ? [''] : ['', namespace]) {
      const bySubject = current().get(scope)
      if (bySubject === undefined) continue
      yield* bySubject.get(`User:${user.name}`) ?? []
      for (const group of user.groups) yield* bySubject.get(`Group:${group}`) ?? []
    }
  }
  const concerns = (user: User, attributes: Attributes) => {
    const { isResource, verb, path, group, resource: plural, subresource, namespace } = attributes
    const key = `${user.name}\0${user.groups.join('\0')}\n${verb} ${isResource ? `${group}/${plural}/${subresource} ${namespace}` : path}`
    let found = concerning.get(key)
    if (found !== undefined) return found
    found = [...grantsOf(user, isResource ? namespace : '')].flatMap(({ rules, reason }) => rules.filter((rule) => ruleConcerns(rule, attributes)).map((rule) => ({ rule, reason })))
    if (concerning.size >= mostQuestions) concerning.clear()
    concerning.set(key, found)
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
      : [...grantsOf(user, namespace)].flatMap(({ rules }) => rules),
    rulesOfRole,
  }
}
