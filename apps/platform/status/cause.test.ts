import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnyObject } from '@idp/formats'
import { causeOf } from './cause.ts'
import { applicationCause } from './status.ts'

const pod = (status: unknown): AnyObject => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-1', namespace: 'shop' }, status })
const ready = [{ type: 'Ready', status: 'True' }]

const rows: readonly (readonly [name: string, status: unknown, cause: RegExp | undefined])[] = [
  ['a ready pod', { phase: 'Running', conditions: ready }, undefined],
  ['a pod that has done its work', { phase: 'Succeeded' }, undefined],
  ['a crash loop', { phase: 'Running', containerStatuses: [{ name: 'app', state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } }, lastState: { terminated: { exitCode: 3 } } }] }, /app: CrashLoopBackOff: back-off 10s \(last exit code 3\)/],
  ['no node for it', { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', message: '0/3 nodes are available' }] }, /not scheduled: 0\/3/],
  ['still starting', { phase: 'Pending', containerStatuses: [{ name: 'app', state: { waiting: { reason: 'ContainerCreating' } } }] }, /ContainerCreating/],
]
for (const [name, status, cause] of rows) {
  test(name, () => (cause === undefined ? assert.equal(causeOf(pod(status)), undefined) : assert.match(causeOf(pod(status)) ?? '', cause)))
}

test('the cause of an application goes down to the container', () => {
  const app = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', metadata: { name: 'shop' }, status: { sync: { status: 'Synced' }, health: { status: 'Progressing' }, resources: [{ kind: 'Deployment', name: 'web', namespace: 'shop', health: { status: 'Progressing' } }] } }
  const broken = pod({ phase: 'Pending', containerStatuses: [{ name: 'app', state: { waiting: { reason: 'ErrImagePull', message: 'no such image' } } }] })
  assert.equal(applicationCause(app, [broken]), 'Deployment web is Progressing: pod web-1: container app: ErrImagePull: no such image')
})
