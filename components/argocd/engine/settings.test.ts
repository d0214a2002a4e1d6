import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnyObject } from '@idp/formats'
import { ignoredPlaces } from './compare/ignored-fields.ts'
import { parseDuration } from './duration.ts'
import { counter, formatMetrics, histogram } from './metrics.ts'
import { readSettings } from './settings.ts'
import { trackedBy, trackingAnnotation, withTracking } from './tracking.ts'

for (const [text, ms] of [['180s', 180_000], ['1h30m', 5_400_000], ['0s', 0], ['90', 90_000], ['2d', 172_800_000], ['500ms', 500], ['x', undefined], ['', undefined]] as const) {
  test(`duration ${text}`, () => assert.equal(parseDuration(text), ms))
}

test('argocd-cm is read; what is wrong in it is named and left out', () => {
  const settings = readSettings({
    'timeout.reconciliation': '0s', 'application.resourceTrackingMethod': 'annotation+label', 'kustomize.buildOptions': '--enable-helm',
    'resource.exclusions': '- apiGroups: [cilium.io]\n  kinds: ["Cilium*"]\n', 'resource.inclusions': '- apiGroups: [',
    'resource.customizations.ignoreDifferences.apps_Deployment': 'jsonPointers: [/spec/replicas]\n', 'resource.customizations.ignoreDifferences.all': 'jqPathExpressions: ["map(.x)"]\n',
    'resource.customizations.health.example.org_Thing': 'return {}',
  })
  assert.equal(settings.reconcileEvery, undefined)
  assert.equal(settings.tracking.method, 'annotation+label')
  assert.deepEqual([settings.isExcluded('cilium.io', 'CiliumIdentity'), settings.isExcluded('cilium.io', 'Other'), settings.isExcluded('', 'ConfigMap')], [true, false, false])
  assert.deepEqual(settings.problems.map((one) => one.split(':')[0]), ['argocd-cm resource.inclusions', 'argocd-cm resource.customizations.ignoreDifferences.all', 'argocd-cm resource.customizations.health.example.org_Thing'])
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'x' }, spec: { replicas: 3 } } as AnyObject
  assert.deepEqual(ignoredPlaces(deployment, undefined, settings.ignoreRules), [['spec', 'replicas']])
  assert.deepEqual(settings.healthScripts, { 'example.org/Thing': 'return {}' })
  assert.equal(readSettings().reconcileEvery, 180_000)
})

test('tracking: copies made by operators do not count', () => {
  const tracking = { method: 'annotation', label: 'l' } as const
  const object: AnyObject = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', namespace: 'n' } }
  const tracked = withTracking(object, 'app', tracking)
  assert.equal(trackedBy(tracked, tracking), 'app')
  assert.equal(trackedBy({ ...tracked, metadata: { ...tracked.metadata, name: 'copy' } }, tracking), undefined)
  assert.equal(trackedBy(withTracking(object, 'app', { method: 'label', label: 'l' }), { method: 'label', label: 'l' }), 'app')
  assert.equal(trackedBy({ ...tracked, metadata: { ...tracked.metadata, namespace: 'elsewhere' } }, tracking), undefined)
})

test('tracking: what has no namespace is named with that of the destination; definitions are not tracked', () => {
  const tracking = { method: 'annotation', label: 'l' } as const
  const role: AnyObject = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'system:a' } }
  const tracked = withTracking(role, 'app', tracking, 'target')
  assert.equal(tracked.metadata.annotations?.[trackingAnnotation], 'app:rbac.authorization.k8s.io/ClusterRole:target/system:a')
  assert.equal(trackedBy(tracked, tracking), 'app')
  const crd: AnyObject = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'things.example.org' } }
  assert.equal(withTracking(crd, 'app', { method: 'annotation+label', label: 'l' }, 'target'), crd)
  assert.equal(trackedBy({ ...crd, metadata: { ...crd.metadata, labels: { l: 'app' } } }, { method: 'label', label: 'l' }), undefined)
})

test('metrics in the text exposition format', () => {
  const syncs = counter('c_total', 'C.')
  syncs.add({ name: 'a"b' })
  syncs.add({ name: 'a"b' }, 2)
  const seconds = histogram('h', 'H.', [1, 2])
  seconds.observe({}, 1.5)
  assert.equal(formatMetrics([syncs, seconds]), '# HELP c_total C.\n# TYPE c_total counter\nc_total{name="a\\"b"} 3\n# HELP h H.\n# TYPE h histogram\nh_bucket{le="1"} 0\nh_bucket{le="2"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1.5\nh_count 1\n')
})
