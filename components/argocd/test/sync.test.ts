import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap, CustomResourceDefinition, isApiError, Job, Namespace } from '@idp/api'
import { sleep, systemClock } from '@idp/kit'
import { AppProject } from '../kinds/app-project.ts'
import type { Application } from '../kinds/application.ts'
import { isSettled, startArgo, type ArgoFixture } from './argocd-fixture.ts'

const annotated = (name: string, annotations: Record<string, string>, value = '1') =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  annotations: ${JSON.stringify(annotations)}\ndata: { value: "${value}" }\n`
const job = (name: string, annotations: Record<string, string>) =>
  `apiVersion: batch/v1\nkind: Job\nmetadata: { name: ${name}, annotations: ${JSON.stringify(annotations)} }\nspec: { template: { spec: { restartPolicy: Never, containers: [{ name: c, image: x }] } } }\n`
const background = ['PrunePropagationPolicy=background']

async function exists(argo: ArgoFixture, name: string): Promise<boolean> {
  return argo.api.client.get(ConfigMap, name, { namespace: 'default' }).then(() => true, (error: unknown) => {
    if (isApiError(error, 'NotFound')) return false
    throw error
  })
}

async function finishJob(argo: ArgoFixture, name: string, type: 'Complete' | 'Failed'): Promise<void> {
  for (let tries = 0; tries < 3_000; tries++) {
    const live = await argo.api.client.get(Job, name, { namespace: 'default' }).catch(() => undefined)
    if (live !== undefined) {
      const now = new Date().toISOString()
      const status = type === 'Complete'
        ? { startTime: now, completionTime: now, succeeded: 1, conditions: [{ type: 'SuccessCriteriaMet', status: 'True', lastTransitionTime: now, lastProbeTime: now }, { type, status: 'True', lastTransitionTime: now, lastProbeTime: now }] }
        : { startTime: now, failed: 1, conditions: [{ type: 'FailureTarget', status: 'True', reason: 'X', message: 'it broke', lastTransitionTime: now, lastProbeTime: now }, { type, status: 'True', reason: 'X', message: 'it broke', lastTransitionTime: now, lastProbeTime: now }] }
      await argo.api.client.update(Job, { ...live, status } as Job, { subresource: 'status' })
      return
    }
    await sleep(systemClock, 10)
  }
  throw new Error(`job ${name} did not come`)
}

const message = (app: Application): string => app.status?.operationState?.message ?? ''

test('hooks run before and after, waves in order, and hooks go by their policy', async (t) => {
  const argo = await startArgo(t, {
    'w/pre.yaml': job('pre', { 'argocd.argoproj.io/hook': 'PreSync', 'argocd.argoproj.io/hook-delete-policy': 'HookSucceeded' }),
    'w/first.yaml': job('first', { 'argocd.argoproj.io/sync-wave': '-1' }), 'w/second.yaml': annotated('second', { 'argocd.argoproj.io/sync-wave': '2' }),
    'w/post.yaml': annotated('post', { 'helm.sh/hook': 'post-install' }), 'w/test.yaml': annotated('never', { 'helm.sh/hook': 'test' }),
  })
  await argo.application('w', { syncPolicy: { automated: { prune: true }, syncOptions: background } })
  await argo.until('w', (app) => message(app) === 'waiting for completion of hook batch/Job/pre')
  await assert.rejects(argo.api.client.get(Job, 'first', { namespace: 'default' }))
  await finishJob(argo, 'pre', 'Complete')
  await argo.until('w', (app) => message(app) === 'waiting for healthy state of batch/Job/first')
  assert.equal(await exists(argo, 'second'), false)
  await finishJob(argo, 'first', 'Complete')
  const done = await argo.until('w', isSettled)
  assert.equal(message(done), 'successfully synced (all tasks run)')
  assert.deepEqual(done.status?.operationState?.syncResult?.resources?.map((row) => `${row.syncPhase} ${row.kind}/${row.name} ${row.hookPhase}`), [
    'PreSync Job/pre Succeeded', 'Sync Job/first Succeeded', 'Sync ConfigMap/second Succeeded', 'PostSync ConfigMap/post Succeeded',
  ])
  await assert.rejects(argo.api.client.get(Job, 'pre', { namespace: 'default' }), (e) => isApiError(e, 'NotFound'))
  assert.equal(await exists(argo, 'post'), true)
  assert.equal(await exists(argo, 'never'), false)
  assert.deepEqual(done.status?.resources?.map((row) => row.name).sort(), ['first', 'second'])
})

test('a failing hook fails the sync, runs SyncFail, is tried again and then left', async (t) => {
  const argo = await startArgo(t, {
    'f/pre.yaml': job('pre', { 'argocd.argoproj.io/hook': 'PreSync' }), 'f/a.yaml': annotated('a', {}), 'f/fail.yaml': annotated('mourn', { 'argocd.argoproj.io/hook': 'SyncFail' }),
  })
  await argo.application('f', { syncPolicy: { automated: {}, retry: { limit: 1, backoff: { duration: '1s' } }, syncOptions: background } })
  await argo.until('f', (app) => message(app).startsWith('waiting for completion of hook'))
  await finishJob(argo, 'pre', 'Failed')
  await argo.until('f', (app) => /completed unsuccessfully\. Retrying attempt #1 at/.test(message(app)))
  assert.equal(await exists(argo, 'mourn'), true)
  await argo.until('f', (app) => app.status?.operationState?.retryCount === 1 && message(app).startsWith('waiting for completion of hook'))
  await finishJob(argo, 'pre', 'Failed')
  const failed = await argo.until('f', (app) => app.status?.operationState?.phase === 'Failed' && (app.status.conditions ?? []).length > 0)
  assert.match(message(failed), /completed unsuccessfully \(retried 1 times\)\./)
  assert.match(failed.status?.conditions?.[0]?.message ?? '', /^Failed last sync attempt to [0-9a-f]{40}: /)
  assert.equal(await exists(argo, 'a'), false)
})

test('custom resources wait for their definition, also when another application brings it', async (t) => {
  const crd = (plural: string, kind: string) => `apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: ${plural}.example.org }\nspec:\n  group: example.org\n  scope: Namespaced\n  names: { plural: ${plural}, kind: ${kind}, singular: ${kind.toLowerCase()} }\n  versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object, properties: { spec: { type: object, properties: { size: { type: integer, default: 3 } } } } } } }]\n`
  const argo = await startArgo(t, {
    'both/crd.yaml': crd('widgets', 'Widget'), 'both/cr.yaml': 'apiVersion: example.org/v1\nkind: Widget\nmetadata: { name: w }\nspec: {}\n',
    'user/cr.yaml': 'apiVersion: example.org/v1\nkind: Gadget\nmetadata: { name: g }\nspec: { size: 1 }\n', 'owner/crd.yaml': crd('gadgets', 'Gadget'),
  })
  await argo.application('both')
  await argo.until('both', isSettled)
  await argo.application('user', { syncPolicy: { automated: {}, retry: { limit: 3, backoff: { duration: '30s' } } } })
  await argo.until('user', (app) => /Make sure the "Gadget" CRD is installed/.test(message(app)) && app.status?.operationState?.retryCount === 1)
  await argo.application('owner')
  // Not after 30 s: the kind's coming wakes it.
  await argo.until('user', isSettled)
  await argo.api.client.get(CustomResourceDefinition, 'gadgets.example.org')
})

test('differences that rules ignore are not healed, and survive a sync that respects them', async (t) => {
  const argo = await startArgo(t, { 'i/a.yaml': `${annotated('a', {})}---\n${annotated('b', {})}` })
  await argo.application('i', {
    ignoreDifferences: [{ kind: 'ConfigMap', name: 'a', jsonPointers: ['/data/value'] }, { kind: 'ConfigMap', name: 'b', jqPathExpressions: ['.metadata.labels["x.y/z"]', '.data.value'] }],
    syncPolicy: { automated: { selfHeal: true, prune: true }, syncOptions: ['RespectIgnoreDifferences=true', ...background] },
  })
  await argo.until('i', isSettled)
  for (const name of ['a', 'b']) await argo.api.client.patch(ConfigMap, name, { data: { value: 'mine' } }, { type: 'merge', namespace: 'default' })
  const commit = await argo.commit({ 'i/a.yaml': `${annotated('a', {})}---\n${annotated('b', { note: 'new' })}` })
  await argo.refresh('i')
  await argo.until('i', (app) => isSettled(app) && app.status?.sync?.revision === commit)
  const [a, b] = await Promise.all(['a', 'b'].map((name) => argo.api.client.get(ConfigMap, name, { namespace: 'default' })))
  assert.equal(b?.metadata.annotations?.['note'], 'new')
  assert.deepEqual([a?.data?.['value'], b?.data?.['value']], ['mine', 'mine'])
})

test('projects hold: repositories, destinations, kinds', async (t) => {
  const argo = await startArgo(t, { 'p/a.yaml': annotated('a', {}), 'ns/n.yaml': 'apiVersion: v1\nkind: Namespace\nmetadata: { name: extra }\n' })
  const project = (name: string, spec: AppProject['spec']) => argo.api.client.create(AppProject, { apiVersion: 'argoproj.io/v1alpha1', kind: 'AppProject', metadata: { name, namespace: 'argocd' }, spec })
  await project('source', { sourceRepos: ['https://example.org/*'], destinations: [{ server: '*', namespace: '*' }] })
  await project('target', { sourceRepos: ['*'], destinations: [{ server: '*', namespace: 'team-*' }] })
  await project('kinds', { sourceRepos: ['*'], destinations: [{ server: '*', namespace: '*' }], namespaceResourceBlacklist: [{ group: '', kind: 'ConfigMap' }] })
  await argo.application('p1', { project: 'source', source: { repoURL: 'http://git-server.git-system.svc.cluster.local/platform.git', path: 'p' } })
  await argo.application('p2', { project: 'target', source: { repoURL: 'http://git-server.git-system.svc.cluster.local/platform.git', path: 'p' } })
  await argo.application('p3', { project: 'kinds', source: { repoURL: 'http://git-server.git-system.svc.cluster.local/platform.git', path: 'p' }, syncPolicy: { automated: {}, retry: { limit: 0 } } })
  await argo.application('p4', { project: 'kinds', source: { repoURL: 'http://git-server.git-system.svc.cluster.local/platform.git', path: 'ns' }, syncPolicy: { automated: {}, retry: { limit: 0 } } })
  const condition = async (name: string) => (await argo.until(name, (app) => (app.status?.conditions ?? []).some((one) => one.type === 'InvalidSpecError'))).status?.conditions?.[0]?.message ?? ''
  assert.match(await condition('p1'), /^application repo .* is not permitted in project 'source'$/)
  assert.match(await condition('p2'), /destination server 'https:\/\/kubernetes\.default\.svc' and namespace 'default' do not match any of the allowed destinations in project 'target'/)
  const failed = (name: string) => argo.until(name, (app) => app.status?.operationState?.phase === 'Failed')
  assert.match(message(await failed('p3')), /resource :ConfigMap is not permitted in project kinds/)
  assert.match(message(await failed('p4')), /resource :Namespace is not permitted in project kinds/)
  assert.equal(await exists(argo, 'a'), false)
})

test('deleting an application takes its objects along, except those that say otherwise; CreateNamespace makes its namespace', async (t) => {
  const argo = await startArgo(t, { 'd/a.yaml': `${annotated('a', {})}---\n${annotated('kept', { 'argocd.argoproj.io/sync-options': 'Delete=false' })}` })
  await argo.application('d', {
    destination: { server: 'https://kubernetes.default.svc', namespace: 'fresh' },
    syncPolicy: { automated: {}, syncOptions: ['CreateNamespace=true'], managedNamespaceMetadata: { labels: { team: 'x' } } },
  }, { finalizers: ['resources-finalizer.argocd.argoproj.io/background'] })
  await argo.until('d', isSettled)
  assert.equal((await argo.api.client.get(Namespace, 'fresh')).metadata.labels?.['team'], 'x')
  const { Application: kind } = await import('../kinds/application.ts')
  await argo.api.client.delete(kind, 'd', { namespace: 'argocd' })
  for (let tries = 0; tries < 3_000 && (await argo.api.client.get(kind, 'd', { namespace: 'argocd' }).catch(() => undefined)) !== undefined; tries++) await sleep(systemClock, 10)
  assert.deepEqual((await argo.api.client.list(ConfigMap, { namespace: 'fresh' })).items.map((one) => one.metadata.name).filter((name) => name !== 'kube-root-ca.crt'), ['kept'])
})

test('pruning is refused for what must stay, and a commit that empties everything is held back', async (t) => {
  const argo = await startArgo(t, { 'e/a.yaml': annotated('a', {}), 'e/keep.yaml': annotated('keep', { 'argocd.argoproj.io/sync-options': 'Prune=false' }), 'e/README.md': 'x' })
  await argo.application('e')
  await argo.until('e', isSettled)
  const commit = await argo.commit({ 'e/a.yaml': undefined, 'e/keep.yaml': undefined })
  await argo.refresh('e')
  const held = await argo.until('e', (app) => app.status?.sync?.revision === commit && (app.status.conditions ?? []).length > 0)
  assert.match(held.status?.conditions?.[0]?.message ?? '', /auto-sync will wipe out all resources/)
  assert.equal(await exists(argo, 'a'), true)
  await argo.commit({ 'e/b.yaml': annotated('b', {}) })
  await argo.refresh('e')
  const pruned = await argo.until('e', (app) => app.status?.operationState?.phase === 'Succeeded' && (app.status.resources ?? []).length === 2 && app.status.resources?.[0]?.name === 'b')
  assert.deepEqual(pruned.status?.resources?.map((row) => `${row.name} ${row.status} ${row.requiresPruning === true}`), ['b Synced false', 'keep OutOfSync true'])
  assert.equal(await exists(argo, 'a'), false)
})

test('a controller that ends in the middle of a sync is continued by the next one', async (t) => {
  const argo = await startArgo(t, {
    'r/pre.yaml': job('pre', { 'argocd.argoproj.io/hook': 'PreSync' }), 'r/first.yaml': job('first', { 'argocd.argoproj.io/sync-wave': '-1' }), 'r/second.yaml': annotated('second', {}),
  })
  await argo.application('r', { syncPolicy: { automated: { prune: true }, syncOptions: background } })
  const begun = await argo.until('r', (app) => message(app) === 'waiting for completion of hook batch/Job/pre')
  const { uid } = (await argo.api.client.get(Job, 'pre', { namespace: 'default' })).metadata
  await argo.restart()
  await finishJob(argo, 'pre', 'Complete')
  await argo.until('r', (app) => message(app) === 'waiting for healthy state of batch/Job/first')
  await argo.restart()
  await finishJob(argo, 'first', 'Complete')
  const done = await argo.until('r', isSettled)
  assert.equal(done.status?.operationState?.startedAt, begun.status?.operationState?.startedAt)
  assert.equal(done.status?.history?.length, 1)
  // The hook ran once.
  assert.equal((await argo.api.client.get(Job, 'pre', { namespace: 'default' })).metadata.uid, uid)
})
