import { ClusterRole, ClusterRoleBinding } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { rfc3339, uuid } from '@idp/kit'
import { equalJson } from '../json-value.ts'
import type { ServerContext } from '../server-context.ts'
import { bootstrapBindings, bootstrapRoles } from './bootstrap-policy.ts'

const bootstrapping = { 'kubernetes.io/bootstrapping': 'rbac-defaults' }
const autoupdate = 'rbac.authorization.kubernetes.io/autoupdate'
const rbacGroup = 'rbac.authorization.k8s.io'

/** Creates the bootstrap ClusterRoles and bindings, and repairs those that nobody has claimed by `autoupdate: "false"`. */
export async function ensurePolicy(server: Pick<ServerContext, 'storage' | 'registry' | 'clock' | 'random'>): Promise<void> {
  const { storage, registry } = server
  const put = async (kind: { group: string; version: string; plural: string }, wanted: AnyObject, fields: readonly string[]) => {
    const resource = registry.find(kind.group, kind.version, kind.plural)
    if (resource === undefined) return
    const entry = storage.entry(resource, { name: wanted.metadata.name ?? '' })
    if (entry === undefined) {
      await storage.create(resource, { ...wanted, metadata: { ...wanted.metadata, uid: uuid(server.random), creationTimestamp: rfc3339(server.clock.now()) } })
      return
    }
    const live = storage.codec.object(entry)
    if (live.metadata.annotations?.[autoupdate] === 'false') return
    const next = { ...live, ...Object.fromEntries(fields.map((field) => [field, wanted[field]])) }
    if (!equalJson(live, next)) await storage.replace(resource, entry, next)
  }
  await Promise.all([
    ...bootstrapRoles.map(({ name, labels = {}, rules, aggregates }) => put(ClusterRole, {
      apiVersion: `${rbacGroup}/v1`, kind: 'ClusterRole', metadata: { name, labels: { ...bootstrapping, ...labels }, annotations: { [autoupdate]: 'true' } },
      ...(aggregates === undefined ? {} : { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [`${rbacGroup}/aggregate-to-${aggregates}`]: 'true' } }] } }), rules,
    }, aggregates === undefined ? ['rules'] : ['aggregationRule'])),
    ...bootstrapBindings.map(({ name, role, subjects }) => put(ClusterRoleBinding, {
      apiVersion: `${rbacGroup}/v1`, kind: 'ClusterRoleBinding', metadata: { name, labels: bootstrapping, annotations: { [autoupdate]: 'true' } },
      roleRef: { apiGroup: rbacGroup, kind: 'ClusterRole', name: role },
      subjects: subjects.map((subject) => (subject.kind === 'ServiceAccount' ? { ...subject } : { apiGroup: rbacGroup, ...subject })),
    }, ['roleRef', 'subjects'])),
  ])
}
