import assert from 'node:assert/strict'
import { test } from 'node:test'
import { discover, type ClusterObjects } from '../engine/discover.ts'
import { readConfig } from '../engine/config.ts'
import { selected, selects } from '../engine/operator/select.ts'
import { prometheusYaml } from '../engine/operator/server-objects.ts'
import { unsupportedIn } from '../engine/operator/scrape-job.ts'
import { targetsOf } from '../engine/target.ts'
import type { PodMonitor, Prometheus, ServiceMonitor } from '../kinds/monitoring.ts'

const prometheus = { apiVersion: 'monitoring.coreos.com/v1', kind: 'Prometheus', metadata: { name: 'p', namespace: 'm' }, spec: { serviceDiscoveryRole: 'EndpointSlice', scrapeInterval: '60s', alerting: { alertmanagers: [{ name: 'am', port: 'web' }] } } } as unknown as Prometheus
const serviceMonitor = (spec: object) => ({ apiVersion: 'monitoring.coreos.com/v1', kind: 'ServiceMonitor', metadata: { name: 's', namespace: 'shop' }, spec }) as unknown as ServiceMonitor
const podMonitor = (spec: object) => ({ apiVersion: 'monitoring.coreos.com/v1', kind: 'PodMonitor', metadata: { name: 's', namespace: 'shop' }, spec }) as unknown as PodMonitor

const pod = (name: string, labels: object, phase = 'Running') => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop', labels }, spec: { containers: [{ name: 'main', ports: [{ name: 'http', containerPort: 8080 }, { name: 'metrics', containerPort: 9000 }] }] }, status: { podIP: '10.0.0.1', phase } })
const cluster = {
  nodes: () => [], endpoints: () => [], ingresses: () => [], pods: () => [pod('web', { app: 'web', tier: 'a' }), pod('done', { app: 'web' }, 'Succeeded')],
  services: () => [{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'shop', labels: { app: 'web', team: 'red' } } }, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'other', namespace: 'shop', labels: { app: 'other' } } }],
  slices: () => ['web', 'other'].map((name) => ({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name, namespace: 'shop', labels: { 'kubernetes.io/service-name': name } }, ports: [{ name: 'http', port: 8080 }, { name: 'metrics', port: 9000 }], endpoints: [{ addresses: ['10.0.0.1'], targetRef: { kind: 'Pod', name: 'web', namespace: 'shop' } }] })),
} as unknown as ClusterObjects

/** The targets that the configuration the operator writes comes to. */
function targets(serviceMonitors: ServiceMonitor[], podMonitors: PodMonitor[]): Record<string, string>[] {
  const config = readConfig(prometheusYaml(prometheus, { serviceMonitors, podMonitors, rules: [] }), 'generated')
  return config.scrapes.flatMap((scrape) => targetsOf(scrape, scrape.kubernetes.flatMap(({ role, namespaces }) => discover(role, cluster, namespaces))).active.map(({ url, labels }) => ({ url, ...Object.fromEntries(labels) })))
}

test('a ServiceMonitor finds the endpoints of the Services it selects', () => {
  assert.deepEqual(targets([serviceMonitor({ selector: { matchLabels: { app: 'web' } }, targetLabels: ['team'], jobLabel: 'app', endpoints: [{ port: 'metrics', path: '/m' }] })], []),
    [{ url: 'http://10.0.0.1:9000/m', job: 'web', namespace: 'shop', service: 'web', pod: 'web', container: 'main', endpoint: 'metrics', team: 'red', instance: '10.0.0.1:9000' }])
  assert.equal(targets([serviceMonitor({ selector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }, endpoints: [{ port: 'http' }] })], [])[0]?.['service'], 'other')
  assert.deepEqual(targets([serviceMonitor({ selector: {}, namespaceSelector: { matchNames: ['elsewhere'] }, endpoints: [{ port: 'http' }] })], []), [])
})

test('a PodMonitor finds running pods', () => {
  assert.deepEqual(targets([], [podMonitor({ selector: { matchLabels: { app: 'web' } }, podTargetLabels: ['tier'], podMetricsEndpoints: [{ port: 'metrics', relabelings: [{ targetLabel: 'zone', replacement: 'z1' }] }] })]),
    [{ url: 'http://10.0.0.1:9000/metrics', job: 'shop/s', namespace: 'shop', pod: 'web', container: 'main', endpoint: 'metrics', tier: 'a', zone: 'z1', instance: '10.0.0.1:9000' }])
})

test('selectors: an absent one takes nothing, an empty one all; namespaces count', () => {
  assert.deepEqual([selects(undefined, {}), selects({}, {}), selects({ matchExpressions: [{ key: 'a', operator: 'Exists' }] }, { a: '' }), selects({ matchLabels: { a: 'b' } }, { a: 'c' })], [false, true, true, false])
  const objects = ['m', 'shop'].map((namespace) => ({ apiVersion: 'v1', kind: 'X', metadata: { name: 'x', namespace } }))
  const namespaces = ['m', 'shop'].map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { n: name } } }))
  const found = (selector: Parameters<typeof selected>[2]) => selected(objects, {}, selector, 'm', namespaces).map(({ metadata }) => metadata.namespace)
  assert.deepEqual([found(undefined), found({}), found({ matchLabels: { n: 'shop' } })], [['m'], ['m', 'shop'], ['shop']])
})

test('what a monitor asks for and is not supported is said by name', () => {
  assert.equal(unsupportedIn([{ port: 'x', basicAuth: { username: { name: 'a', key: 'b' } } }]), 'basicAuth is not supported here')
  assert.equal(unsupportedIn([{ port: 'x', tlsConfig: { insecureSkipVerify: true } }]), undefined)
})
