import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClusterRole, ClusterRoleBinding, ConfigMap, isApiError, Namespace, Pod, Role, RoleBinding, Secret, ServiceAccount } from '@idp/api'
import { createClient, handlerTransport, type Client } from '@idp/client'
import { fakeClock, seededRandom, silentLog } from '@idp/kit'
import { memoryStore } from '@idp/store'
import { createApiServer } from '../create-api-server.ts'

async function start() {
  const clock = fakeClock()
  const server = createApiServer({
    store: memoryStore(), clock, log: silentLog, random: seededRandom(), staticTokens: [{ token: 'root', user: { name: 'root', groups: ['system:masters'] } }, { token: 'ann', user: { name: 'ann', groups: ['devs'] } }],
  })
  await server.started
  const as = (token?: string): Client => createClient({ transport: handlerTransport(server.handler), ...(token === undefined ? {} : { token }) })
  return { server, clock, root: as('root'), ann: as('ann'), as, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

const role = (name: string, verbs: string[], resources: string[], more: object = {}): Role => ({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name, namespace: 'default' }, rules: [{ apiGroups: [''], resources, verbs, ...more }] })
const binding = (name: string, user: string, roleRef: string, kind = 'Role'): RoleBinding => ({
  apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata: { name, namespace: 'default' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: roleRef },
  subjects: [{ kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' }],
})
const refused = (text: string) => (error: unknown) => {
  assert.ok(isApiError(error), String(error))
  assert.equal(error.message, text)
  return true
}

test('nothing is anonymous but health', async () => {
  await using api = await start()
  const anonymous = api.as()
  for (const path of ['/healthz', '/livez', '/readyz', '/readyz/ping']) assert.equal((await anonymous.request(path)).status, 200, path)
  for (const path of ['/version', '/api', '/api/v1/pods', '/openid/v1/jwks', '/']) assert.equal((await anonymous.request(path)).status, 401, path)
  assert.equal((await api.as('wrong').request('/api')).status, 401)
})

test('everybody known discovers; nobody does more without a binding', async () => {
  await using api = await start()
  assert.equal((await api.ann.request('/apis')).status, 200)
  await assert.rejects(api.ann.list(Pod, { namespace: 'default' }), refused('pods is forbidden: User "ann" cannot list resource "pods" in API group "" in the namespace "default"'))
  await assert.rejects(api.ann.list(Namespace), refused('namespaces is forbidden: User "ann" cannot list resource "namespaces" in API group "" at the cluster scope'))
  await assert.rejects(api.ann.get(Secret, 's', { namespace: 'default' }), refused('secrets "s" is forbidden: User "ann" cannot get resource "secrets" in API group "" in the namespace "default"'))
  assert.equal((await api.ann.request('/metrics')).status, 403)
})

test('bindings hold in their namespace, for named resources and for subresources', async () => {
  await using api = await start()
  await api.root.create(Role, role('reader', ['get', 'list'], ['configmaps', 'pods/log']))
  await api.root.create(Role, role('one', ['get'], ['secrets'], { resourceNames: ['mine'] }))
  await api.root.create(RoleBinding, binding('reader', 'ann', 'reader'))
  await api.root.create(RoleBinding, binding('one', 'ann', 'one'))
  await api.ann.list(ConfigMap, { namespace: 'default' })
  await assert.rejects(api.ann.list(ConfigMap, { namespace: 'kube-system' }), (error) => isApiError(error, 'Forbidden'))
  await assert.rejects(api.ann.list(ConfigMap), (error) => isApiError(error, 'Forbidden'))
  await assert.rejects(api.ann.get(Secret, 'mine', { namespace: 'default' }), (error) => isApiError(error, 'NotFound'))
  await assert.rejects(api.ann.get(Secret, 'other', { namespace: 'default' }), (error) => isApiError(error, 'Forbidden'))
  assert.equal((await api.ann.request('/api/v1/namespaces/default/pods/x/log')).status, 404)
  await api.root.delete(RoleBinding, 'reader', { namespace: 'default' })
  await assert.rejects(api.ann.list(ConfigMap, { namespace: 'default' }), (error) => isApiError(error, 'Forbidden'))
})

test('each change of a role or binding counts for the next request, for whomever it concerns', async () => {
  await using api = await start()
  const may = async (resource: string, namespace = 'default') => (await api.ann.request(`/api/v1/namespaces/${namespace}/${resource}`)).status === 200
  const clusterRole = (resources: string[]): ClusterRole => ({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'wide' }, rules: [{ apiGroups: [''], resources, verbs: ['list'] }] })
  const forGroup: ClusterRoleBinding = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'devs' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'wide' }, subjects: [{ kind: 'Group', name: 'devs', apiGroup: 'rbac.authorization.k8s.io' }] }
  const steps: readonly (readonly [what: string, change: () => Promise<unknown>, configMaps: boolean, elsewhere: boolean])[] = [
    ['nothing yet', async () => {}, false, false],
    ['a binding to a role that is not there', () => api.root.create(RoleBinding, binding('own', 'ann', 'reader')), false, false],
    ['its role', () => api.root.create(Role, role('reader', ['list'], ['configmaps'])), true, false],
    ['the role of another name', () => api.root.create(Role, role('other', ['list'], ['secrets'])), true, false],
    ['the role says less', () => api.root.patch(Role, 'reader', { rules: [] }, { namespace: 'default', type: 'merge' }), false, false],
    ['a cluster role by a group', async () => [await api.root.create(ClusterRole, clusterRole(['configmaps'])), await api.root.create(ClusterRoleBinding, forGroup)], true, true],
    ['another group instead', () => api.root.patch(ClusterRoleBinding, 'devs', { subjects: [{ kind: 'Group', name: 'ops', apiGroup: 'rbac.authorization.k8s.io' }] }, { type: 'merge' }), false, false],
    ['the group again', () => api.root.patch(ClusterRoleBinding, 'devs', { subjects: forGroup.subjects ?? [] } as never, { type: 'merge' }), true, true],
    ['the cluster role says something else', () => api.root.patch(ClusterRole, 'wide', { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['list'] }] }, { type: 'merge' }), false, false],
    ['and the first again', () => api.root.patch(ClusterRole, 'wide', { rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }] }, { type: 'merge' }), true, true],
    ['the cluster role goes', () => api.root.delete(ClusterRole, 'wide'), false, false],
  ]
  for (const [what, change, configMaps, elsewhere] of steps) {
    await change()
    assert.deepEqual([await may('configmaps'), await may('configmaps', 'kube-system')], [configMaps, elsewhere], what)
  }
})

test('aggregated roles are the sum of what they select', async () => {
  await using api = await start()
  const can = async (verb: string, resource: string) => {
    const answer = await api.ann.request('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ kind: 'SelfSubjectAccessReview', apiVersion: 'authorization.k8s.io/v1', spec: { resourceAttributes: { namespace: 'default', verb, group: resource.includes('.') ? resource.slice(resource.indexOf('.') + 1) : '', resource: resource.split('.')[0] } } }) })
    return ((await answer.json()) as { status: { allowed: boolean } }).status.allowed
  }
  await api.root.create(RoleBinding, binding('view', 'ann', 'view', 'ClusterRole'))
  assert.deepEqual([await can('list', 'pods'), await can('list', 'deployments.apps'), await can('get', 'secrets'), await can('create', 'pods'), await can('list', 'things.example.com')], [true, true, false, false, false])
  await api.root.create(ClusterRole, { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'things', labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } }, rules: [{ apiGroups: ['example.com'], resources: ['things'], verbs: ['list'] }] })
  for (let i = 0; i < 20 && !(await can('list', 'things.example.com')); i++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(await can('list', 'things.example.com'), true)
})

test('nobody grants more than they hold', async () => {
  await using api = await start()
  await api.root.create(Role, { ...role('grant', ['get'], ['configmaps']), rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }, { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'], verbs: ['create'] }] })
  await api.root.create(RoleBinding, binding('grant', 'ann', 'grant'))
  await api.ann.create(Role, role('fine', ['get'], ['configmaps']))
  await assert.rejects(api.ann.create(Role, role('more', ['get'], ['secrets'])), refused('roles.rbac.authorization.k8s.io "more" is forbidden: user "ann" (groups=["devs" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}'))
  await assert.rejects(api.ann.create(RoleBinding, binding('admin', 'ann', 'cluster-admin', 'ClusterRole')), (error) => isApiError(error, 'Forbidden'))
})

test('impersonation needs its verb, then the other user counts', async () => {
  await using api = await start()
  const asBob = { headers: { 'impersonate-user': 'bob', 'impersonate-group': 'devs' } }
  assert.equal((await api.root.request('/api/v1/pods', asBob)).status, 403)
  const answer = await api.ann.request('/api/v1/pods', asBob)
  assert.equal(((await answer.json()) as { message: string }).message, 'users "bob" is forbidden: User "ann" cannot impersonate resource "users" in API group "" at the cluster scope')
})

test('ServiceAccount tokens: issued, bound, checked by audience and age, gone with their account', async () => {
  await using api = await start()
  const at = { namespace: 'default' }
  await api.root.create(ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'bot', namespace: 'default' } })
  await api.root.create(ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'default' } })
  await api.root.create(ClusterRoleBinding, { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'bot' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' }, subjects: [{ kind: 'ServiceAccount', name: 'bot', namespace: 'default' }] })
  const request = async (spec: object) => {
    const answer = await api.root.request('/api/v1/namespaces/default/serviceaccounts/bot/token', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', spec }) })
    return (await answer.json()) as { status: { token: string; expirationTimestamp: string }; message?: string }
  }
  const review = async (token: string, audiences?: string[]) => {
    const answer = await api.root.request('/apis/authentication.k8s.io/v1/tokenreviews', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ kind: 'TokenReview', apiVersion: 'authentication.k8s.io/v1', spec: { token, ...(audiences === undefined ? {} : { audiences }) } }) })
    return ((await answer.json()) as { status: { authenticated?: boolean; user: { username?: string; groups?: string[] }; audiences?: string[] } }).status
  }
  const { status } = await request({ expirationSeconds: 600 })
  assert.equal(status.expirationTimestamp, '2026-01-01T00:10:00Z')
  assert.equal((await api.as(status.token).list(Pod, at)).items.length, 0)
  const reviewed = await review(status.token)
  assert.deepEqual([reviewed.authenticated, reviewed.user.username, reviewed.user.groups], [true, 'system:serviceaccount:default:bot', ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated']])
  const vault = (await request({ audiences: ['vault'] })).status.token
  assert.equal((await api.as(vault).request('/api')).status, 401)
  assert.deepEqual([(await review(vault, ['vault'])).audiences, (await review(vault)).authenticated], [['vault'], undefined])
  assert.match((await request({ expirationSeconds: 5 })).message ?? '', /may not specify a duration less than 10 minutes/)

  await api.root.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' }, spec: { serviceAccountName: 'bot', containers: [{ name: 'c', image: 'i' }] } })
  const bound = (await request({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p' } })).status.token
  assert.equal((await api.as(bound).request('/api')).status, 200)
  await api.root.delete(Pod, 'p', at)
  assert.equal((await api.as(bound).request('/api')).status, 401)
  await api.clock.advance(601_000)
  assert.equal((await api.as(status.token).request('/api')).status, 401)
  const fresh = (await request({})).status.token
  assert.equal((await api.as(fresh).request('/api')).status, 200)
  assert.equal((await api.as(`${fresh.slice(0, -4)}AAAA`).request('/api')).status, 401)
  await api.root.delete(ServiceAccount, 'bot', at)
  assert.equal((await api.as(fresh).request('/api')).status, 401)
})

test('a token Secret is filled and dies with its Secret', async () => {
  await using api = await start()
  const at = { namespace: 'default' }
  await api.root.create(ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'bot', namespace: 'default' } })
  const secret = await api.root.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'bot', namespace: 'default', annotations: { 'kubernetes.io/service-account.name': 'bot' } }, type: 'kubernetes.io/service-account-token' })
  const token = Buffer.from(secret.data?.['token'] ?? '', 'base64').toString()
  assert.equal((await api.as(token).request('/api')).status, 200)
  await api.root.delete(Secret, 'bot', at)
  assert.equal((await api.as(token).request('/api')).status, 401)
})
