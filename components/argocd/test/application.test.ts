import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap, Deployment, isApiError } from '@idp/api'
import { isSettled, repoURL, startArgo } from './argocd-fixture.ts'

const configMap = (name: string, value = '1') => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  value: "${value}"\n`

test('an Application of plain YAML becomes Synced and Healthy, follows Git, heals drift and prunes', async (t) => {
  const argo = await startArgo(t, { 'one/a.yaml': configMap('a'), 'one/b.yaml': configMap('b') })
  await argo.application('one')
  const first = await argo.until('one', isSettled)
  assert.deepEqual(first.status?.resources?.map((row) => `${row.kind}/${row.namespace}/${row.name} ${row.status}`), ['ConfigMap/default/a Synced', 'ConfigMap/default/b Synced'])
  assert.equal(first.status?.operationState?.phase, 'Succeeded')
  assert.equal(first.status?.operationState?.message, 'successfully synced (no more tasks)')
  assert.equal(first.status?.sourceType, 'Directory')
  assert.equal(first.status?.history?.length, 1)
  const a = await argo.api.client.get(ConfigMap, 'a', { namespace: 'default' })
  assert.equal(a.metadata.annotations?.['argocd.argoproj.io/tracking-id'], 'one:/ConfigMap:default/a')

  const commit = await argo.commit({ 'one/a.yaml': configMap('a', '2'), 'one/b.yaml': undefined })
  await argo.refresh('one')
  const second = await argo.until('one', (app) => isSettled(app) && app.status?.sync?.revision === commit)
  assert.equal((await argo.api.client.get(ConfigMap, 'a', { namespace: 'default' })).data?.['value'], '2')
  await assert.rejects(argo.api.client.get(ConfigMap, 'b', { namespace: 'default' }), (e) => isApiError(e, 'NotFound'))
  assert.equal(second.status?.history?.length, 2)
  assert.equal(second.metadata.annotations?.['argocd.argoproj.io/refresh'], undefined)

  await argo.api.client.patch(ConfigMap, 'a', { data: { value: 'drift' } }, { type: 'merge', namespace: 'default' })
  await argo.until('one', (app) => isSettled(app) && (app.status?.operationState?.operation.sync?.autoHealAttemptsCount ?? 0) > 0)
  assert.equal((await argo.api.client.get(ConfigMap, 'a', { namespace: 'default' })).data?.['value'], '2')

  await argo.api.client.delete(ConfigMap, 'a', { namespace: 'default' })
  await argo.until('one', (app) => isSettled(app) && (app.status?.operationState?.operation.sync?.autoHealAttemptsCount ?? 0) > 1)
  assert.equal((await argo.api.client.get(ConfigMap, 'a', { namespace: 'default' })).data?.['value'], '2')
})

test('a Deployment counts as healthy when its pods are', async (t) => {
  const argo = await startArgo(t, {
    'web/web.yaml': 'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n  replicas: 1\n  selector: { matchLabels: { app: web } }\n  template:\n    metadata: { labels: { app: web } }\n    spec: { containers: [{ name: web, image: nginx, resources: { requests: { cpu: 1000m } } }] }\n',
  })
  await argo.application('web')
  const progressing = await argo.until('web', (app) => app.status?.sync?.status === 'Synced')
  assert.equal(progressing.status?.health?.status, 'Progressing')
  assert.deepEqual(progressing.status?.summary?.images, ['nginx'])
  const live = await argo.api.client.get(Deployment, 'web', { namespace: 'default' })
  await argo.api.client.update(Deployment, { ...live, status: { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1, readyReplicas: 1 } }, { subresource: 'status' })
  await argo.until('web', isSettled)
})

test('bad input concerns one Application and says where it is', async (t) => {
  const argo = await startArgo(t, { 'good/a.yaml': configMap('good'), 'broken/x.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: [\n', 'unknown/x.yaml': 'apiVersion: example.org/v1\nkind: Nope\nmetadata: { name: x }\n' })
  for (const name of ['good', 'broken', 'unknown', 'gone']) await argo.application(name)
  await argo.application('branch', { source: { repoURL: 'http://git-server.git-system.svc.cluster.local/platform.git', path: 'good', targetRevision: 'nope' } })
  await argo.application('project', { project: 'nope' })
  await argo.until('good', isSettled)
  const message = async (name: string, type: string) => (await argo.until(name, (app) => (app.status?.conditions ?? []).some((one) => one.type === type))).status?.conditions?.find((one) => one.type === type)?.message ?? ''
  assert.match(await message('broken', 'ComparisonError'), /^Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = .*broken\/x\.yaml:\d+:\d+/)
  assert.match(await message('gone', 'ComparisonError'), /gone: app path does not exist/)
  assert.match(await message('branch', 'ComparisonError'), /unable to resolve 'nope' to a commit SHA.*default branch is main/)
  assert.match(await message('project', 'InvalidSpecError'), /referencing project nope which does not exist/)
  const unknown = await argo.until('unknown', (app) => app.status?.operationState !== undefined)
  assert.match(unknown.status?.operationState?.message ?? '', /could not find example\.org\/Nope.*Make sure the "Nope" CRD is installed.* \(unknown\/x\.yaml:1\)/)
  assert.equal(unknown.status?.health?.status, 'Missing')
})

test('a branch that was pushed a moment ago is found, however lately the branches were asked for', async (t) => {
  const argo = await startArgo(t, { 'good/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: branched, namespace: default }\n' })
  await argo.application('first', { source: { repoURL, path: 'good', targetRevision: 'main' } })
  await argo.until('first', isSettled)
  await argo.commit({ 'good/b.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: on-branch, namespace: default }\n' }, 'feature')
  await argo.application('second', { source: { repoURL, path: 'good', targetRevision: 'feature' } })
  await argo.until('second', isSettled)
})
