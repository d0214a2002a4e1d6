import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ConfigMap, isApiError } from '@idp/api'
import type { Client } from '@idp/client'
import type { AnyObject, JsonObject } from '@idp/formats'
import { commitFiles, createRepository, pushCommit, type Remote } from '@idp/git'
import { memoryFiles, sleep, systemClock } from '@idp/kit'
import { renderHelm } from '@idp/render-helm'
import { startTestCluster, temporaryDirectory } from '@idp/testkit'
import { Application } from '../kinds/application.ts'

const components = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const repoURL = 'http://git-server.git-system.svc.cluster.local/platform.git'

async function install(client: Client, component: string, namespace: string, values: JsonObject): Promise<void> {
  const root = join(components, component, 'chart')
  const files: Record<string, Uint8Array> = {}
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) files[join(entry.parentPath, entry.name).slice(root.length + 1)] = await readFile(join(entry.parentPath, entry.name))
  }
  const { documents } = await renderHelm(memoryFiles(files), { releaseName: component, namespace, values: [values] })
  // Definitions first: what is of their kinds could not be applied before.
  for (const { object } of [...documents].sort((a, b) => Number(b.object.kind === 'CustomResourceDefinition') - Number(a.object.kind === 'CustomResourceDefinition'))) await apply(client, object as AnyObject)
}

async function apply(client: Client, object: AnyObject): Promise<void> {
  await client.apply(await client.kindOf(object.apiVersion, object.kind), object, { fieldManager: 'test', force: true })
}

async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  for (let tries = 0; tries < 1_500; tries++) {
    const found = await look().catch((error: unknown) => {
      if (isApiError(error)) return undefined
      throw error
    })
    if (found !== undefined && found !== false) return found
    await sleep(systemClock, 20)
  }
  throw new Error(`it did not come true: ${what}`)
}

const manifest = (value: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { value: "${value}" }\n`

test('in a cluster, under their own accounts: a push reaches the Git server, its webhook wakes Argo CD, the change is live', async () => {
  await using cluster = await startTestCluster({ components: ['git', 'argocd'] })
  await using directory = await temporaryDirectory()
  const { client } = cluster
  for (const name of ['git-system', 'argocd', 'demo']) await apply(client, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  await apply(client, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'git-credentials', namespace: 'git-system' }, stringData: { username: 'idp', password: 'secret' } })
  await apply(client, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'platform', namespace: 'argocd', labels: { 'argocd.argoproj.io/secret-type': 'repository' } }, stringData: { type: 'git', url: repoURL, username: 'idp', password: 'secret' } })
  await install(client, 'git', 'git-system', {})
  // Without polling: only the webhook can bring the news.
  await install(client, 'argocd', 'argocd', { dex: { enabled: false }, configs: { params: { 'server.insecure': true }, cm: { 'timeout.reconciliation': '0s' } } })

  const dir = join(directory.path, 'local.git')
  const request = { branch: 'main', message: 'x', author: { name: 'T', email: 't@example.org' }, time: 0 }
  const remote: Remote = { url: repoURL, credentials: { username: 'idp', password: 'secret' }, fetch: (url, init) => cluster.net.fetch(url, init as never) }
  const first = await createRepository(dir, memoryFiles({ 'apps/one/a.yaml': manifest('1') }), request)
  await until('the Git server takes a push', () => pushCommit(remote, { dir, commit: first, ref: 'refs/heads/main' }).then(() => true, () => false))
  await apply(client, {
    apiVersion: 'argoproj.io/v1alpha1', kind: 'ApplicationSet', metadata: { name: 'demo', namespace: 'argocd' },
    spec: {
      generators: [{ git: { repoURL, revision: 'main', directories: [{ path: 'apps/*' }] } }],
      template: {
        metadata: { name: 'demo-{{path.basename}}' },
        spec: { project: 'default', source: { repoURL, targetRevision: 'main', path: '{{path}}' }, destination: { server: 'https://kubernetes.default.svc', namespace: 'demo' }, syncPolicy: { automated: { prune: true, selfHeal: true } } },
      },
    },
  })
  const settled = (name: string, revision: string) => until(`${name} settled`, async () => {
    const { status } = await client.get(Application, name, { namespace: 'argocd' })
    return status?.sync?.status === 'Synced' && status.health?.status === 'Healthy' && status.sync.revision === revision
  })
  await settled('demo-one', first)
  const value = async () => (await client.get(ConfigMap, 'settings', { namespace: 'demo' })).data?.['value']
  assert.equal(await value(), '1')

  const second = await commitFiles(dir, { 'apps/one/a.yaml': manifest('2'), 'apps/two/b.yaml': manifest('3').replace('settings', 'more') }, request)
  await pushCommit(remote, { dir, commit: second, ref: 'refs/heads/main' })
  await until('the change is live', async () => (await value()) === '2')
  await settled('demo-two', second)

  const third = await commitFiles(dir, { 'apps/two/b.yaml': undefined }, request)
  await pushCommit(remote, { dir, commit: third, ref: 'refs/heads/main' })
  await until('the removed application and its objects are gone', async () => {
    const names = (await client.list(Application, { namespace: 'argocd' })).items.map((one) => one.metadata.name)
    const maps = (await client.list(ConfigMap, { namespace: 'demo' })).items.map((one) => one.metadata.name)
    return !names.includes('demo-two') && !maps.includes('more')
  })
})
