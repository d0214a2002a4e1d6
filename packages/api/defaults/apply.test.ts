import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@idp/formats'
import {
  ClusterRoleBinding, CustomResourceDefinition, Deployment, HorizontalPodAutoscaler, Job, LimitRange, NetworkPolicy, Pod, Secret, Service, StatefulSet, ValidatingWebhookConfiguration,
} from '../kinds/index.ts'
import type { Gvk } from '../schema/built-in.ts'
import { applyBuiltInDefaults } from './apply.ts'
import { defaultPullPolicy } from './pod.ts'
import { generateJobSelector } from './workloads.ts'

const podSpec = { dnsPolicy: 'ClusterFirst', restartPolicy: 'Always', schedulerName: 'default-scheduler', securityContext: {}, terminationGracePeriodSeconds: 30 }
const container = { imagePullPolicy: 'IfNotPresent', terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' }
const cases: [name: string, kind: Gvk, object: JsonObject, want: JsonObject][] = [
  ['Pod', Pod, { spec: { serviceAccountName: 'sa', containers: [{ name: 'a', image: 'x:1', ports: [{ containerPort: 1 }], readinessProbe: { httpGet: { port: 80 } }, resources: { limits: { cpu: '1' }, requests: { memory: '1Mi' } } }], volumes: [{ name: 'v' }, { name: 'c', configMap: { name: 'c' } }] } },
    { spec: { ...podSpec, enableServiceLinks: true, serviceAccountName: 'sa', serviceAccount: 'sa', volumes: [{ name: 'v', emptyDir: {} }, { name: 'c', configMap: { name: 'c', defaultMode: 420 } }],
      containers: [{ ...container, name: 'a', image: 'x:1', ports: [{ containerPort: 1, protocol: 'TCP' }], resources: { limits: { cpu: '1' }, requests: { memory: '1Mi', cpu: '1' } },
        readinessProbe: { httpGet: { port: 80, path: '/', scheme: 'HTTP' }, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 } }] } }],
  ['Deployment', Deployment, { spec: { template: { spec: {} } } }, { spec: { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } }, template: { spec: podSpec } } }],
  ['Deployment recreated', Deployment, { spec: { replicas: 0, strategy: { type: 'Recreate' } } }, { spec: { replicas: 0, revisionHistoryLimit: 10, progressDeadlineSeconds: 600, strategy: { type: 'Recreate' }, template: { spec: podSpec } } }],
  ['StatefulSet', StatefulSet, { spec: { volumeClaimTemplates: [{}] } }, { spec: { replicas: 1, revisionHistoryLimit: 10, podManagementPolicy: 'OrderedReady', updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' }, template: { spec: podSpec }, volumeClaimTemplates: [{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', spec: { volumeMode: 'Filesystem' }, status: { phase: 'Pending' } }] } }],
  ['Job', Job, { spec: { template: { metadata: { labels: { a: 'b' } } } } }, { metadata: { labels: { a: 'b' } }, spec: { parallelism: 1, completions: 1, backoffLimit: 6, completionMode: 'NonIndexed', suspend: false, manualSelector: false, podReplacementPolicy: 'TerminatingOrFailed', template: { metadata: { labels: { a: 'b' } }, spec: podSpec } } }],
  ['Service', Service, { spec: { ports: [{ port: 80 }, { port: 81, targetPort: 'web' }] } }, { spec: { type: 'ClusterIP', sessionAffinity: 'None', internalTrafficPolicy: 'Cluster', ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }, { port: 81, protocol: 'TCP', targetPort: 'web' }] } }],
  ['Secret', Secret, {}, { type: 'Opaque' }],
  ['NetworkPolicy', NetworkPolicy, { spec: { podSelector: {}, egress: [{ ports: [{ port: 53 }] }] } }, { spec: { podSelector: {}, egress: [{ ports: [{ port: 53, protocol: 'TCP' }] }], policyTypes: ['Ingress', 'Egress'] } }],
  ['ClusterRoleBinding', ClusterRoleBinding, { roleRef: { kind: 'ClusterRole', name: 'x' }, subjects: [{ kind: 'User', name: 'u' }, { kind: 'ServiceAccount', name: 's', namespace: 'n' }] },
    { roleRef: { kind: 'ClusterRole', name: 'x', apiGroup: 'rbac.authorization.k8s.io' }, subjects: [{ kind: 'User', name: 'u', apiGroup: 'rbac.authorization.k8s.io' }, { kind: 'ServiceAccount', name: 's', namespace: 'n' }] }],
  ['HorizontalPodAutoscaler', HorizontalPodAutoscaler, { spec: {} }, { spec: { minReplicas: 1, metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }] } }],
  ['LimitRange', LimitRange, { spec: { limits: [{ type: 'Container', max: { cpu: '2' }, min: { memory: '1Mi' } }] } }, { spec: { limits: [{ type: 'Container', max: { cpu: '2' }, default: { cpu: '2' }, defaultRequest: { cpu: '2', memory: '1Mi' }, min: { memory: '1Mi' } }] } }],
  ['webhook', ValidatingWebhookConfiguration, { webhooks: [{ name: 'w', rules: [{}], clientConfig: { service: { name: 's', namespace: 'n' } } }] },
    { webhooks: [{ name: 'w', rules: [{ scope: '*' }], clientConfig: { service: { name: 's', namespace: 'n', port: 443 } }, failurePolicy: 'Fail', matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {}, timeoutSeconds: 10 }] }],
  ['CustomResourceDefinition', CustomResourceDefinition, { spec: { names: { kind: 'CronTab', plural: 'crontabs' } } }, { spec: { names: { kind: 'CronTab', plural: 'crontabs', singular: 'crontab', listKind: 'CronTabList' }, conversion: { strategy: 'None' } } }],
]
for (const [name, kind, object, want] of cases) {
  test(`defaults of ${name}; a second time nothing changes`, () => {
    applyBuiltInDefaults(kind, object)
    assert.deepEqual(object, want)
    applyBuiltInDefaults(kind, object)
    assert.deepEqual(object, want)
  })
}

test('pull policy by image name', () => {
  for (const [image, want] of [['a', 'Always'], ['a:latest', 'Always'], ['a:1', 'IfNotPresent'], ['host:5000/a', 'Always'], ['a@sha256:00', 'IfNotPresent'], ['a:latest@sha256:00', 'Always']] as const) assert.equal(defaultPullPolicy(image), want, image)
})

test('the selector of a Job comes from its uid', () => {
  const job: JsonObject = { metadata: { name: 'j', uid: 'u' }, spec: {} }
  generateJobSelector(job)
  assert.deepEqual(job.spec, { selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u' } }, template: { metadata: { labels: { 'controller-uid': 'u', 'job-name': 'j', 'batch.kubernetes.io/controller-uid': 'u', 'batch.kubernetes.io/job-name': 'j' } } } })
})
