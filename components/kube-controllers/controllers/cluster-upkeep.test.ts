import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CertificateSigningRequest, ConfigMap, isApiError, Lease, Node, Pod, PodDisruptionBudget, ReplicaSet, ResourceQuota } from '@idp/api'
import { createCa, createCsr, generateKey, parseCertificate } from '@idp/pki'
import { certificateCleaner, certificateSigner } from './certificate-signing.ts'
import { nodeLifecycleController } from './node-lifecycle.ts'
import { disruptionController } from './pod-disruption-budget.ts'
import { podGarbageCollector } from './pod-gc.ts'
import { replicaSetController } from './replica-set.ts'
import { resourceQuotaController } from './resource-quota.ts'
import { taintEvictionController } from './taint-eviction.ts'
import { node, template, workbench, type Workbench } from '../testing/workbench.ts'

const at = { namespace: 'default' }
const pod = (name: string, spec: Partial<Pod['spec']> = {}, labels: Record<string, string> = {}): Pod => ({
  apiVersion: 'v1', kind: 'Pod', metadata: { name, ...at, labels }, spec: { containers: [{ name: 'c', image: 'x', resources: { requests: { cpu: '250m', memory: '64Mi' }, limits: { cpu: '1' } } }], ...spec },
})
const patchNode = (bench: Workbench, patch: object, subresource?: string) => bench.client.patch(Node, 'n', patch as never, { type: 'merge', ...(subresource === undefined ? {} : { subresource }) })
const ready = (status: string) => ({ status: { conditions: [{ type: 'Ready', status, reason: 'KubeletReady', message: '' }] } })
const taints = async (bench: Workbench) => ((await bench.client.get(Node, 'n')).spec?.taints ?? []).map((t) => `${t.key}:${t.effect}`)

test('a quota counts objects, requests and limits of pods that run', async () => {
  await using bench = await workbench([resourceQuotaController])
  const hard = { pods: '10', 'requests.cpu': '2', memory: '1Gi', 'limits.cpu': '4', configmaps: '5', 'count/secrets': '3' }
  await bench.client.create(ResourceQuota, { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q', ...at }, spec: { hard } })
  for (const name of ['a', 'b']) await bench.client.create(Pod, pod(name))
  await bench.client.create(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', ...at } })
  await bench.settle()
  assert.deepEqual((await bench.get(ResourceQuota, 'q')).status, { hard, used: { pods: '2', 'requests.cpu': '500m', memory: '128Mi', 'limits.cpu': '2', configmaps: '1', 'count/secrets': '0' } })
  await bench.runPods((p) => p.metadata.name === 'a', { phase: 'Succeeded' })
  assert.equal((await bench.get(ResourceQuota, 'q')).status?.used?.['pods'], '1')
})

test('a disruption budget counts healthy pods against what their controllers want', async () => {
  await using bench = await workbench([disruptionController, replicaSetController])
  const labels = { app: 'x' }
  await bench.client.create(ReplicaSet, { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'rs', ...at }, spec: { replicas: 4, selector: { matchLabels: labels }, template: template(labels) } })
  await bench.client.create(PodDisruptionBudget, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'b', ...at }, spec: { maxUnavailable: '25%', selector: { matchLabels: labels } } })
  await bench.settle()
  const status = async () => {
    const { expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed, conditions } = (await bench.get(PodDisruptionBudget, 'b')).status ?? {}
    return [expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed, conditions?.[0]?.reason]
  }
  assert.deepEqual(await status(), [4, 3, 0, 0, 'InsufficientPods'])
  await bench.runPods()
  assert.deepEqual(await status(), [4, 3, 4, 1, 'SufficientPods'])
})

test('a silent node is unknown and tainted, its pods are not ready and go when their patience ends', async () => {
  await using bench = await workbench([nodeLifecycleController(), taintEvictionController], { nodes: [node('n')] })
  await patchNode(bench, ready('True'), 'status')
  const tolerations = [{ key: 'node.kubernetes.io/unreachable', operator: 'Exists' as const, effect: 'NoExecute' as const, tolerationSeconds: 300 }]
  await bench.client.create(Pod, pod('patient', { nodeName: 'n', tolerations }))
  await bench.client.create(Pod, pod('rash', { nodeName: 'n' }))
  await bench.runPods()
  const renew = (renewTime: string) => ({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'n', namespace: 'kube-node-lease' }, spec: { holderIdentity: 'n', renewTime } })
  await bench.client.request('/api/v1/namespaces', { method: 'POST', body: JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-node-lease' } }), headers: { 'content-type': 'application/json' } })
  await bench.advance(40_000)
  await bench.client.create(Lease, renew('2026-01-01T00:00:40.000000Z') as Lease)
  await bench.advance(40_000)
  assert.deepEqual(await taints(bench), [])
  await bench.advance(15_000)
  assert.deepEqual(await taints(bench), ['node.kubernetes.io/unreachable:NoSchedule', 'node.kubernetes.io/unreachable:NoExecute'])
  const condition = (await bench.client.get(Node, 'n')).status?.conditions?.find((c) => c.type === 'Ready')
  assert.deepEqual([condition?.status, condition?.reason, condition?.message], ['Unknown', 'NodeStatusUnknown', 'Kubelet stopped posting node status.'])
  assert.equal((await bench.get(Pod, 'patient')).status?.conditions?.find((c) => c.type === 'Ready')?.status, 'False')
  assert.ok((await bench.get(Pod, 'rash')).metadata.deletionTimestamp)
  assert.equal((await bench.get(Pod, 'patient')).metadata.deletionTimestamp, undefined)
  await bench.advance(300_000)
  assert.ok((await bench.get(Pod, 'patient')).metadata.deletionTimestamp)
  await patchNode(bench, ready('True'), 'status')
  await bench.settle()
  assert.deepEqual(await taints(bench), [])
})

test('taints follow conditions and cordoning, and leave those of others', async () => {
  await using bench = await workbench([nodeLifecycleController()], { nodes: [node('n', { spec: { taints: [{ key: 'mine', effect: 'NoSchedule' }] } })] })
  await patchNode(bench, { status: { conditions: [{ type: 'Ready', status: 'False' }, { type: 'DiskPressure', status: 'True' }] } }, 'status')
  await bench.settle()
  await patchNode(bench, { spec: { unschedulable: true } })
  await bench.settle()
  assert.deepEqual((await taints(bench)).sort(), ['mine:NoSchedule', 'node.kubernetes.io/disk-pressure:NoSchedule', 'node.kubernetes.io/not-ready:NoExecute', 'node.kubernetes.io/not-ready:NoSchedule', 'node.kubernetes.io/unschedulable:NoSchedule'])
  await patchNode(bench, ready('True'), 'status')
  await bench.settle()
  await patchNode(bench, { spec: { unschedulable: null } })
  await bench.settle()
  assert.deepEqual(await taints(bench), ['mine:NoSchedule'])
})

test('pods of a node that is gone are removed after a while', async () => {
  await using bench = await workbench([podGarbageCollector()])
  await bench.client.create(Pod, pod('lost', { nodeName: 'gone' }))
  await bench.advance(30_000)
  assert.equal((await bench.list(Pod)).length, 1)
  await bench.advance(40_000)
  await assert.rejects(bench.get(Pod, 'lost'), (error) => isApiError(error, 'NotFound'))
})

test('an approved certificate request is signed, a forbidden one fails, both are forgotten', async () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  const ca = await createCa({ subject: { commonName: 'kubernetes' }, now, days: 3650 } as never)
  const key = await generateKey()
  const request = (name: string, usages: string[]): CertificateSigningRequest => ({
    apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name },
    spec: { signerName: 'kubernetes.io/kube-apiserver-client', usages: usages as never, expirationSeconds: 3600, request: Buffer.from(createCsr({ subject: { commonName: 'alice' } as never, key })).toString('base64') },
  })
  await using bench = await workbench([certificateSigner(ca), certificateCleaner])
  const approve = (name: string) => bench.client.patch(CertificateSigningRequest, name, { status: { conditions: [{ type: 'Approved', status: 'True', reason: 'Test', lastUpdateTime: '2026-01-01T00:00:00Z', lastTransitionTime: '2026-01-01T00:00:00Z' }] } }, { subresource: 'approval', type: 'merge' })
  await bench.client.create(CertificateSigningRequest, request('good', ['digital signature', 'client auth']))
  await bench.client.create(CertificateSigningRequest, request('bad', ['server auth']))
  await bench.settle()
  assert.equal((await bench.client.get(CertificateSigningRequest, 'good')).status?.certificate, undefined)
  for (const name of ['good', 'bad']) await approve(name)
  await bench.settle()
  const certificate = parseCertificate(Buffer.from(String((await bench.client.get(CertificateSigningRequest, 'good')).status?.certificate), 'base64').toString())
  assert.deepEqual([certificate.subject, certificate.notAfter - bench.clock.now() <= 3_600_000, certificate.usages.includes('client auth')], [parseCertificate(certificate.pem).subject, true, true])
  const bad = await bench.client.get(CertificateSigningRequest, 'bad')
  assert.equal(bad.status?.conditions?.find((c) => c.type === 'Failed')?.reason, 'SignerValidationFailure')
  await bench.advance(3_700_000)
  assert.deepEqual(await bench.names(CertificateSigningRequest), [])
})
