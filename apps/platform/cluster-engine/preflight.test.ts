import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client } from '@idp/client'
import { isCoded } from '@idp/kit'
import type { NodeConfig } from '../config/config.ts'
import { preflight, refuseFaults } from './preflight.ts'

/** What a cluster says; the rest is a cluster on which all is well. */
interface World {
  readonly version?: string
  readonly allowed?: boolean
  readonly Node?: readonly object[]
  readonly StorageClass?: readonly object[]
  readonly Deployment?: readonly object[]
  readonly DaemonSet?: readonly object[]
}

const ready = { type: 'Ready', status: 'True' }
const node = (name: string, labels: Record<string, string>, condition: object = ready) => ({ metadata: { name, labels }, status: { conditions: [condition] } })
const storageClass = (isDefault: boolean) => ({ metadata: { name: 'local-path', annotations: { 'storageclass.kubernetes.io/is-default-class': String(isDefault) } } })
const object = (namespace: string, name: string, manager: string) => ({ metadata: { namespace, name, managedFields: [{ manager }] } })
const wellWorld: World = { version: 'v1.33.4+k3s1', allowed: true, Node: [node('a', { 'node-role': 'it-infra' }), node('b', { 'node-role': 'k8s-workloads' })], StorageClass: [storageClass(true)], Deployment: [], DaemonSet: [] }

function clusterOf(world: World): Client {
  const all = { ...wellWorld, ...world }
  const client: Pick<Client, 'request' | 'create' | 'list'> = {
    request: async () => Response.json({ gitVersion: all.version }),
    create: async (_kind, review) => ({ ...review, status: { allowed: all.allowed } }),
    list: async (kind) => ({ items: [...all[kind.kind as 'Node'] ?? []] as never[], metadata: { resourceVersion: '1' } }),
  }
  // The preflight only asks; nothing else of a client is there to be called.
  return client as Client
}

const pools: readonly NodeConfig[] = [
  { name: 'server-0', role: 'control-plane', labels: {}, cpu: '4', memory: '8Gi' },
  { name: 'agent-0', role: 'worker', labels: { 'node-role': 'it-infra' }, cpu: '4', memory: '8Gi' },
  { name: 'agent-1', role: 'worker', labels: { 'node-role': 'k8s-workloads' }, cpu: '4', memory: '8Gi' },
]
const notReady = (message: string) => ({ type: 'Ready', status: 'False', message })

const rows: readonly (readonly [what: string, world: World, faults: readonly (readonly [code: string, says: RegExp])[]])[] = [
  ['a cluster on which all is well', {}, []],
  ['the oldest version there may be', { version: 'v1.31.0' }, []],
  ['an older version', { version: 'v1.30.9-gke.100' }, [['VersionTooOld', /v1\.30\.9-gke\.100; the platform needs 1\.31/]]],
  ['something that is no API server', { version: '' }, [['VersionUnknown', /does not say its version/]]],
  ['a user who is no administrator', { allowed: false }, [['NotClusterAdmin', /may not do everything/]]],
  ['no nodes', { Node: [] }, [['NoNodes', /no nodes/], ['NoNodePool', /node-role=it-infra/], ['NoNodePool', /node-role=k8s-workloads/]]],
  ['a node that is broken', { Node: [node('a', { 'node-role': 'it-infra' }), node('b', { 'node-role': 'k8s-workloads' }, notReady('kubelet stopped posting node status'))] }, [['NodesNotReady', /b \(kubelet stopped posting node status\)/]]],
  ['nodes that wait for their network', { Node: [node('a', { 'node-role': 'it-infra' }), node('b', { 'node-role': 'k8s-workloads' }, notReady('container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized'))] }, []],
  ['a pool without a node', { Node: [node('a', { 'node-role': 'it-infra' })] }, [['NoNodePool', /no node is labelled node-role=k8s-workloads/]]],
  ['no StorageClass', { StorageClass: [] }, [['NoStorageClass', /has no StorageClass/]]],
  ['no default StorageClass', { StorageClass: [storageClass(false)] }, [['NoStorageClass', /none of the StorageClasses local-path is the default/]]],
  ["somebody else's Argo CD", { Deployment: [object('gitops', 'argocd-server', 'helm')] }, [['ArgoCdPresent', /namespace gitops/]]],
  ['our own Argo CD, of a bootstrap that was interrupted', { Deployment: [object('argocd', 'argocd-server', 'idp-bootstrap')] }, []],
  ['another pod network', { DaemonSet: [object('kube-system', 'calico-node', 'helm'), object('kube-system', 'node-exporter', 'helm')] }, [['NetworkPresent', /kube-system\/calico-node\)/]]],
  ['our own Cilium', { DaemonSet: [object('kube-system', 'cilium', 'idp-bootstrap')] }, []],
]
for (const [what, world, wanted] of rows) {
  test(`preflight: ${what}`, async () => {
    const faults = await preflight(clusterOf(world), pools)
    assert.deepEqual(faults.map(({ code }) => code), wanted.map(([code]) => code))
    wanted.forEach(([, says], at) => assert.match(faults[at]?.message ?? '', says))
    assert.ok(faults.every(({ remedy }) => remedy !== undefined))
  })
}

test('one fault is thrown as it is, several in one error that lists them', () => {
  refuseFaults([], 'https://cluster')
  const [a, b] = [{ code: 'A', message: 'first', remedy: 'do this' }, { code: 'B', message: 'second', remedy: 'do that' }]
  assert.throws(() => refuseFaults([a], 'https://cluster'), (error) => isCoded(error, 'A') && error.where === 'https://cluster')
  assert.throws(() => refuseFaults([a, b], 'https://cluster'), (error) => isCoded(error, 'PreflightFailed') && /A: first\n {2}B: second/.test(error.message) && error.remedy === 'do this; do that')
})
