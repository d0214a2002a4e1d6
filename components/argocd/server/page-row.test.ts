import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Application } from '../kinds/application.ts'
import { pageRow } from './page-row.ts'

const application = (status: Application['status']): Application => ({
  apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', metadata: { name: 'a', namespace: 'argocd' },
  spec: { project: 'p', source: { repoURL: 'https://x', path: 'K8s/a' }, destination: { namespace: 'n' } }, ...(status === undefined ? {} : { status }),
})

for (const [name, status, message] of [
  ['nothing known yet', undefined, 'The application controller has not compared it with Git yet; where this lasts, read the logs of argocd-application-controller'],
  ['all well', { sync: { status: 'Synced', revision: 'a'.repeat(40) }, health: { status: 'Healthy' }, operationState: { operation: {}, phase: 'Succeeded', message: 'successfully synced', startedAt: '' } }, ''],
  ['a condition', { conditions: [{ type: 'ComparisonError', message: 'K8s/a/x.yaml:3:1 is broken' }] }, 'K8s/a/x.yaml:3:1 is broken'],
  ['a condition behind two calls', { conditions: [{ type: 'ComparisonError', message: 'Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = K8s/a: app path does not exist' }] }, 'K8s/a: app path does not exist'],
  ['many resources that are not well', { resources: ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({ kind: 'Pod', name, health: { status: 'Missing' } })) }, 'Pod a: Missing\nPod b: Missing\nPod c: Missing\nPod d: Missing\nand 2 more'],
  ['resources that differ from Git', { sync: { status: 'OutOfSync' }, resources: [{ kind: 'Service', name: 's', status: 'Synced' }, { kind: 'Deployment', name: 'web', status: 'OutOfSync' }] }, 'Differs from Git: Deployment web'],
  ['a warning does not hide that resources differ', { conditions: [{ type: 'SharedResourceWarning', message: 'Service s is part of two' }], resources: [{ kind: 'Service', name: 's', status: 'OutOfSync' }] }, 'Service s is part of two\nDiffers from Git: Service s'],
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

test('a row of a whole repository shows its name', () => {
  const app = application(undefined)
  assert.equal(pageRow({ ...app, spec: { ...app.spec, source: { repoURL: 'http://git/platform.git', path: '.' } } }).source, 'platform.git')
})
