import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Application } from '../kinds/application.ts'
import { pageRow } from './page-row.ts'

const application = (status: Application['status']): Application => ({
  apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', metadata: { name: 'a', namespace: 'argocd' },
  spec: { project: 'p', source: { repoURL: 'https://x', path: 'K8s/a' }, destination: { namespace: 'n' } }, ...(status === undefined ? {} : { status }),
})

for (const [name, status, message] of [
  ['nothing known yet', undefined, ''],
  ['all well', { sync: { status: 'Synced', revision: 'a'.repeat(40) }, health: { status: 'Healthy' }, operationState: { operation: {}, phase: 'Succeeded', message: 'successfully synced', startedAt: '' } }, ''],
  ['a condition', { conditions: [{ type: 'ComparisonError', message: 'K8s/a/x.yaml:3:1 is broken' }] }, 'K8s/a/x.yaml:3:1 is broken'],
  ['a failed sync', { operationState: { operation: {}, phase: 'Failed', message: 'refused', startedAt: '' } }, 'refused'],
  ['a condition that repeats the sync', { conditions: [{ type: 'SyncError', message: 'Failed last sync attempt to x: refused' }], operationState: { operation: {}, phase: 'Failed', message: 'refused', startedAt: '' } }, 'Failed last sync attempt to x: refused'],
  ['a resource that is not well', { resources: [{ kind: 'Deployment', name: 'web', health: { status: 'Degraded', message: 'deadline' } }, { kind: 'Service', name: 's', health: { status: 'Healthy' } }] }, 'Deployment web: Degraded, deadline'],
] as const) {
  test(`what is wrong: ${name}`, () => assert.equal(pageRow(application(status as Application['status'])).message, message))
}

test('a row shows where it comes from and goes to', () => {
  const row = pageRow(application({ sync: { status: 'OutOfSync', revision: '0123456789'.repeat(4) } }))
  assert.deepEqual([row.source, row.namespace, row.revision, row.sync, row.health, row.running], ['K8s/a', 'n', '0123456', 'OutOfSync', 'Unknown', false])
})
