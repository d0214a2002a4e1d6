import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CustomResourceDefinition, Pod } from '@idp/api'
import { startTestApi } from '@idp/apiserver'
import type { AnyObject } from '@idp/formats'
import { sleep, systemClock as clock } from '@idp/kit'
import { waitApplications } from './wait-applications.ts'

const crd = {
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'applications.argoproj.io' },
  spec: { group: 'argoproj.io', scope: 'Namespaced', names: { plural: 'applications', kind: 'Application', singular: 'application' }, versions: [{ name: 'v1alpha1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } }] },
} as unknown as CustomResourceDefinition
const application = (name: string, reconciledAt: string): AnyObject => ({ apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', metadata: { name, namespace: 'argocd' }, status: { sync: { status: 'Synced' }, health: { status: 'Healthy' }, reconciledAt } } as unknown as AnyObject)

test('a status that is older than the controller does not count', async () => {
  await using api = await startTestApi({ namespaces: ['argocd'], clock })
  const { client } = api
  await client.create(CustomResourceDefinition, crd)
  const kind = await client.kindOf('argoproj.io/v1alpha1', 'Application')
  const pod = await client.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'c-0', namespace: 'argocd', labels: { 'app.kubernetes.io/component': 'application-controller' } }, spec: { containers: [{ name: 'c', image: 'c' }] } })
  await client.update(Pod, { ...pod, status: { containerStatuses: [{ name: 'c', image: 'c', imageID: '', ready: true, restartCount: 1, state: { running: { startedAt: '2026-01-02T00:00:10Z' } } }] } } as Pod, { subresource: 'status' })
  await client.create(kind, application('one', '2026-01-02T00:00:10Z'))
  const two = await client.create(kind, application('two', '2026-01-01T00:00:00Z'))
  const progress: string[] = []
  const waiting = waitApplications(client, { clock, signal: AbortSignal.timeout(10_000), timeoutMs: 5_000, expected: ['one'], onProgress: (well, all, which) => progress.push(`${well} of ${all}: ${which}`) })
  while (!progress.includes('1 of 2: two')) await sleep(clock, 5)
  await client.patch(kind, two.metadata.name ?? '', { status: { reconciledAt: '2026-01-02T00:00:12Z' } }, { type: 'merge', namespace: 'argocd' })
  assert.deepEqual(await waiting, ['one', 'two'])
})
