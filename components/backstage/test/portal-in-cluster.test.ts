import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { ClusterRole, ClusterRoleBinding, ConfigMap, Deployment, EndpointSlice, Namespace, Pod, Secret, Service, ServiceAccount } from '@idp/api'
import { createRepository, openRepository, listRemoteRefs, fetchCommits, initBareRepository, pushCommit, resolveRemoteRevision, type Remote } from '@idp/git'
import { isPodReady } from '@idp/controller'
import { memoryFiles } from '@idp/kit'
import { untilAborted, type Net } from '@idp/sandbox'
import { eventually, startTestCluster, temporaryDirectory } from '@idp/testkit'

const repository = 'http://git-server.git-system.svc.cluster.local/platform.git'
const files = {
  'Catalog/all/catalog-info.yaml': 'apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: { name: team }\nspec: { type: team, children: [] }\n---\napiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: { name: broken }\nspec: { type: service, owner: team }\n',
  'Catalog/templates/service/template.yaml': [
    'apiVersion: scaffolder.backstage.io/v1beta3', 'kind: Template', 'metadata: { name: service }', 'spec:', '  type: service', '  owner: team',
    '  parameters: { required: [name], properties: { name: { type: string, pattern: "^[a-z]+$" } } }', '  steps:',
    '    - { id: fetch, action: "fetch:template", input: { url: ./skeleton, targetPath: "${{ parameters.name }}", values: { name: "${{ parameters.name }}" } } }',
    `    - { id: publish, action: "publish:git", input: { repoUrl: "${repository}", targetPath: K8s/apps, gitCommitMessage: "Add \${{ parameters.name }}" } }`,
    '    - { id: register, action: "catalog:register", input: { repoContentsUrl: "${{ steps.publish.output.repoContentsUrl }}", catalogInfoPath: "${{ parameters.name }}/catalog-info.yaml" } }',
  ].join('\n'),
  'Catalog/templates/service/skeleton/catalog-info.yaml': 'apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: ${{ values.name }}\n  annotations: { backstage.io/kubernetes-label-selector: app=backstage, backstage.io/kubernetes-namespace: backstage }\nspec: { type: service, lifecycle: experimental, owner: team }\n',
}
const config = `
backend: { auth: { externalAccess: [{ type: static, options: { token: "\${backendSecret}", subject: test } }] } }
auth: { providers: { guest: {}, accessToken: { token: "\${backendSecret}", userEntityRef: user:default/admin } } }
integrations: { git: [{ host: git-server.git-system.svc.cluster.local, credentialsSecret: git-system/git-credentials }] }
catalog:
  rules: [{ allow: [Component, Group, Template] }]
  providers: { kubernetes: { owner: group:default/team } }
  locations:
    - { type: url, target: "${repository}/blob/main/Catalog/*/catalog-info.yaml" }
    - { type: url, target: "${repository}/blob/main/Catalog/templates/*/template.yaml" }
`

test('a template makes a commit in the Git server, and its entity appears in the catalog', async () => {
  const inside = Promise.withResolvers<Net>()
  const client_ = { name: 'inside', standsInFor: 'a person inside the cluster', programs: [{ images: ['test/inside'], load: async () => ({ images: ['test/inside'], main: async ({ net, signal }: { net: Net; signal: AbortSignal }) => { inside.resolve(net); await untilAborted(signal); return 0 } }) }] }
  await using cluster = await startTestCluster({ components: ['backstage', 'git'], extra: [client_] })
  await using directory = await temporaryDirectory()
  const { client } = cluster
  for (const name of ['backstage', 'git-system']) await client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  await client.create(ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'backstage', namespace: 'backstage' } })
  await client.create(ClusterRole, { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'portal' }, rules: [{ apiGroups: ['', 'apps'], resources: ['pods', 'services', 'deployments', 'replicasets'], verbs: ['get', 'list'] }, { apiGroups: [''], resources: ['secrets'], resourceNames: ['git-credentials'], verbs: ['get'] }] } as never)
  await client.create(ClusterRoleBinding, { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'portal' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'portal' }, subjects: [{ kind: 'ServiceAccount', name: 'backstage', namespace: 'backstage' }] })
  await client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'git-credentials', namespace: 'git-system' }, stringData: { username: 'idp', password: 'git-secret' } })
  await client.create(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'config', namespace: 'backstage' }, data: { 'app-config.yaml': config } })
  const workload = async (namespace: string, name: string, port: number, spec: object): Promise<void> => {
    await client.create(Service, { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { selector: { app: name }, ports: [{ port, targetPort: namespace === 'backstage' ? 7007 : 8080 }] } })
    await client.create(Deployment, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace }, spec: { replicas: 1, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec } } } as never)
  }
  const ready = (namespace: string): Promise<unknown> => eventually(client, Pod, (pods) => pods.length > 0 && pods.every(isPodReady), { namespace, timeoutMs: 60_000 })
    .then(() => eventually(client, EndpointSlice, (slices) => slices.some(({ endpoints }) => endpoints?.some(({ conditions }) => conditions?.ready === true) === true), { namespace, timeoutMs: 60_000 }))
  await workload('git-system', 'git-server', 80, { containers: [{ name: 'git', image: 'docker.io/idp/git-server:0.1.0', env: [{ name: 'GIT_CREDENTIALS', value: '/etc/git-credentials' }], readinessProbe: { httpGet: { path: '/healthz', port: 8080 } }, volumeMounts: [{ name: 'data', mountPath: '/data' }, { name: 'credentials', mountPath: '/etc/git-credentials' }] }], volumes: [{ name: 'data', emptyDir: {} }, { name: 'credentials', secret: { secretName: 'git-credentials' } }] })
  await client.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'inside', namespace: 'default' }, spec: { containers: [{ name: 'main', image: 'test/inside:1' }] } })
  await ready('git-system')
  const net = await inside.promise
  const remote: Remote = { url: repository, credentials: { username: 'idp', password: 'git-secret' }, fetch: (url, init) => net.fetch(url, init) }
  const first = await createRepository(join(directory.path, 'first.git'), memoryFiles(files), { branch: 'main', message: 'first', author: { name: 'A', email: 'a@b' }, time: 0 })
  await pushCommit(remote, { dir: join(directory.path, 'first.git'), commit: first, ref: 'refs/heads/main' })

  await workload('backstage', 'backstage', 7007, { serviceAccountName: 'backstage', containers: [{ name: 'backstage', image: 'ghcr.io/backstage/backstage:1.43.0', args: ['--config', '/app/app-config.yaml'], env: [{ name: 'backendSecret', value: 'portal-secret' }], readinessProbe: { httpGet: { path: '/.backstage/health/v1/readiness', port: 7007 } }, volumeMounts: [{ name: 'work', mountPath: '/var/lib/backstage' }, { name: 'config', mountPath: '/app/app-config.yaml', subPath: 'app-config.yaml' }] }], volumes: [{ name: 'work', emptyDir: {} }, { name: 'config', configMap: { name: 'config' } }] })
  await ready('backstage')
  const call = async (path: string, token = '', body?: object): Promise<{ status: number; body: any }> => { // oxlint-disable-line no-explicit-any -- answers of every shape
    const response = await net.fetch(`http://backstage.backstage:7007/api/${path}`, { ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }), headers: token === '' ? {} : { authorization: `Bearer ${token}` } })
    const text = await response.text()
    return { status: response.status, body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text }
  }
  assert.match(await (await net.fetch('http://backstage.backstage:7007/')).text(), /<title>Backstage<\/title>/)
  const guest = (await call('auth/guest/refresh')).body.backstageIdentity.token as string
  const admin = (await call('auth/accessToken/refresh', '', { token: 'portal-secret' })).body.backstageIdentity.token as string
  // The answer comes after a refresh that began later than the pod: the catalog is what the repository says.
  assert.equal((await call('catalog/locations', admin, { type: 'url', target: `${repository}/blob/main/K8s/*/none.yaml` })).status, 201)

  const task = { templateRef: 'template:default/service', values: { name: 'hello' } }
  const rows: [path: string, token: string, body: object | undefined, status: number][] = [
    ['catalog/entities', '', undefined, 401], ['catalog/entities', 'wrong', undefined, 401], ['catalog/entities', `${admin.slice(0, -4)}AAAA`, undefined, 401], ['catalog/entities', guest, undefined, 200], ['catalog/entities', 'portal-secret', undefined, 200],
    ['scaffolder/v2/tasks', guest, task, 403], ['catalog/locations', guest, { type: 'url', target: 'http://x' }, 403], ['scaffolder/v2/tasks', admin, { ...task, values: { name: 'A' } }, 400], ['scaffolder/v2/tasks', admin, { ...task, templateRef: 'template:none' }, 404], ['auth/accessToken/refresh', '', { token: 'x' }, 401],
  ]
  for (const [path, token, body, status] of rows) assert.equal((await call(path, token, body)).status, status, `${path} ${token.slice(0, 10)}`)
  assert.match((await call('catalog/entities/unprocessed/failed', guest)).body.entities[0].errors[0].message, /required property 'lifecycle'/)

  const { id } = (await call('scaffolder/v2/tasks', admin, task)).body
  const stream = await (await net.fetch(`http://backstage.backstage:7007/api/scaffolder/v2/tasks/${id}/eventstream`, { headers: { authorization: `Bearer ${admin}` } })).text()
  assert.match(stream, /event: completion\ndata: .*status: completed/, stream)
  await initBareRepository(join(directory.path, 'after.git'))
  await using after = openRepository(join(directory.path, 'after.git'))
  const commit = resolveRemoteRevision(await listRemoteRefs(remote), 'main') ?? ''
  await fetchCommits(remote, after, [commit])
  assert.deepEqual((await after.commit(commit)).parents, [first])
  assert.equal((await after.commit(commit)).message.trim(), 'Add hello')
  assert.match(Buffer.from(await (await after.tree(commit)).read('K8s/apps/hello/catalog-info.yaml') ?? []).toString(), /name: hello/)

  const entity = (await call('catalog/entities/by-name/component/default/hello', guest)).body
  assert.deepEqual(entity.relations, [{ type: 'ownedBy', targetRef: 'group:default/team' }])
  assert.equal((await call('kubernetes/runtime/component/default/hello', guest)).body.pods[0].ready, true)
  assert.equal((await call('kubernetes/services/hello', guest, { entity })).body.items[0].resources[0].resources.length, 1)
  // The same again changes nothing; other content of the same name is refused.
  const again = (await call('scaffolder/v2/tasks', admin, task)).body.id
  assert.match(await (await net.fetch(`http://backstage.backstage:7007/api/scaffolder/v2/tasks/${again}/eventstream`, { headers: { authorization: `Bearer ${admin}` } })).text(), /Nothing to push/)
})
