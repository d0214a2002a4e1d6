import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnyObject } from '@idp/formats'
import { healthOf, isWorse } from './health-of.ts'

const object = (apiVersion: string, kind: string, spec: object = {}, status?: object, metadata: object = {}): AnyObject => ({ apiVersion, kind, metadata: { name: 'x', generation: 2, ...metadata }, spec, ...(status === undefined ? {} : { status }) })
const ready = (status: string, more: object = {}) => ({ conditions: [{ type: 'Ready', status, message: 'why', ...more }] })
const pod = (phase: string, status: object = {}, spec: object = {}) => object('v1', 'Pod', { restartPolicy: 'Always', ...spec }, { phase, ...status })

const cases: readonly (readonly [string, AnyObject, string | undefined, RegExp?])[] = [
  ['Deployment paused', object('apps/v1', 'Deployment', { paused: true, replicas: 1 }), 'Suspended', /paused/],
  ['Deployment not observed', object('apps/v1', 'Deployment', { replicas: 1 }, { observedGeneration: 1 }), 'Progressing', /observed deployment generation/],
  ['Deployment updating', object('apps/v1', 'Deployment', { replicas: 3 }, { observedGeneration: 2, updatedReplicas: 1, replicas: 3 }), 'Progressing', /1 out of 3 new replicas/],
  ['Deployment terminating old', object('apps/v1', 'Deployment', { replicas: 1 }, { observedGeneration: 2, updatedReplicas: 1, replicas: 2, availableReplicas: 1 }), 'Progressing', /1 old replicas/],
  ['Deployment unavailable', object('apps/v1', 'Deployment', { replicas: 1 }, { observedGeneration: 2, updatedReplicas: 1, replicas: 1 }), 'Progressing', /0 of 1 updated/],
  ['Deployment over its deadline', object('apps/v1', 'Deployment', { replicas: 1 }, { observedGeneration: 2, conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }] }), 'Degraded', /"x" exceeded/],
  ['Deployment well', object('apps/v1', 'Deployment', { replicas: 1 }, { observedGeneration: 2, updatedReplicas: 1, replicas: 1, availableReplicas: 1 }), 'Healthy'],
  ['StatefulSet waiting', object('apps/v1', 'StatefulSet', { replicas: 2 }, { observedGeneration: 2, readyReplicas: 1 }), 'Progressing', /1 pods to be ready/],
  ['StatefulSet by partition', object('apps/v1', 'StatefulSet', { replicas: 3, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } }, { observedGeneration: 2, readyReplicas: 3, updatedReplicas: 1 }), 'Progressing', /1 out of 2/],
  ['StatefulSet well', object('apps/v1', 'StatefulSet', { replicas: 1 }, { observedGeneration: 2, readyReplicas: 1, updateRevision: 'a', currentRevision: 'a' }), 'Healthy'],
  ['DaemonSet unavailable', object('apps/v1', 'DaemonSet', {}, { observedGeneration: 2, desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 1 }), 'Progressing', /1 of 2 updated pods/],
  ['ReplicaSet failing', object('apps/v1', 'ReplicaSet', { replicas: 1 }, { observedGeneration: 2, conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'quota' }] }), 'Degraded', /quota/],
  ['Job failed', object('batch/v1', 'Job', {}, { conditions: [{ type: 'Failed', status: 'True', message: 'deadline' }] }), 'Degraded', /deadline/],
  ['Job running', object('batch/v1', 'Job', {}, { active: 1 }), 'Progressing'],
  ['Job suspended', object('batch/v1', 'Job', {}, { conditions: [{ type: 'Suspended', status: 'True' }] }), 'Suspended'],
  ['Pod pulls in vain', pod('Pending', { containerStatuses: [{ state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } } }] }), 'Degraded', /no such image/],
  ['Pod of a job pulls in vain', pod('Pending', { containerStatuses: [{ state: { waiting: { reason: 'ImagePullBackOff' } } }] }, { restartPolicy: 'Never' }), 'Progressing'],
  ['Pod failed', pod('Failed', { containerStatuses: [{ name: 'c', state: { terminated: { exitCode: 3 } } }] }), 'Degraded', /container "c" failed with exit code 3/],
  ['Pod ready', pod('Running', ready('True')), 'Healthy'],
  ['Pod restarted', pod('Running', { containerStatuses: [{ lastState: { terminated: {} } }] }), 'Degraded'],
  ['PVC lost', object('v1', 'PersistentVolumeClaim', {}, { phase: 'Lost' }), 'Degraded'],
  ['load balancer without address', object('v1', 'Service', { type: 'LoadBalancer' }, { loadBalancer: {} }), 'Progressing'],
  ['Service', object('v1', 'Service', { type: 'ClusterIP' }), 'Healthy'],
  ['Ingress with address', object('networking.k8s.io/v1', 'Ingress', {}, { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } }), 'Healthy'],
  ['HPA without metrics', object('autoscaling/v2', 'HorizontalPodAutoscaler', {}, { conditions: [{ type: 'ScalingActive', status: 'False', reason: 'FailedGetResourceMetric', message: 'm' }] }), 'Degraded', /m/],
  ['HPA well', object('autoscaling/v2', 'HorizontalPodAutoscaler', {}, { conditions: [{ type: 'AbleToScale', status: 'True', message: 'ok' }] }), 'Healthy'],
  ['APIService away', object('apiregistration.k8s.io/v1', 'APIService', {}, { conditions: [{ type: 'Available', status: 'False', reason: 'R', message: 'm' }] }), 'Progressing', /^R: m$/],
  ['Certificate issuing', object('cert-manager.io/v1', 'Certificate', {}, { conditions: [{ type: 'Issuing', status: 'True', message: 'i' }, { type: 'Ready', status: 'False' }] }), 'Progressing', /i/],
  ['Certificate refused', object('cert-manager.io/v1', 'Certificate', {}, ready('False')), 'Degraded', /why/],
  ['ExternalSecret new', object('external-secrets.io/v1', 'ExternalSecret'), 'Progressing', /Waiting for ExternalSecret/],
  ['Workflow failed', object('argoproj.io/v1alpha1', 'Workflow', {}, { phase: 'Error', message: 'e' }), 'Degraded', /e/],
  ['HTTPRoute with a wrong reference', object('gateway.networking.k8s.io/v1', 'HTTPRoute', {}, { parents: [{ parentRef: { name: 'gw' }, conditions: [{ type: 'Accepted', status: 'True' }, { type: 'ResolvedRefs', status: 'False', message: 'no backend' }] }] }), 'Degraded', /Parent gw: no backend/],
  ['HTTPRoute of an older generation', object('gateway.networking.k8s.io/v1', 'HTTPRoute', {}, { parents: [{ conditions: [{ type: 'Accepted', status: 'True', observedGeneration: 1 }] }] }), 'Progressing'],
  ['Gateway not programmed', object('gateway.networking.k8s.io/v1', 'Gateway', {}, { conditions: [{ type: 'Accepted', status: 'True' }, { type: 'Programmed', status: 'Unknown' }] }), 'Progressing'],
  ['being deleted', object('v1', 'ConfigMap', {}, undefined, { deletionTimestamp: 'now' }), 'Progressing', /Pending deletion/],
  ['a kind without health', object('v1', 'ConfigMap'), undefined],
]

for (const [name, live, status, message] of cases) {
  test(`health: ${name}`, () => {
    const verdict = healthOf(live)
    assert.equal(verdict?.status, status)
    if (message !== undefined) assert.match(verdict?.message ?? '', message)
  })
}

test('the order of verdicts', () => {
  assert.deepEqual((['Healthy', 'Suspended', 'Progressing', 'Missing', 'Degraded', 'Unknown'] as const).map((one, at, all) => at === 0 || isWorse(all[at - 1] ?? 'Healthy', one)), [true, true, true, true, true, true])
})
