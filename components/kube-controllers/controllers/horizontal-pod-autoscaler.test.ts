import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment, HorizontalPodAutoscaler } from '@idp/api'
import { defaultDown, defaultUp, policyLimit, recommend, stabilize } from '../engine/autoscale.ts'
import { deploymentController } from './deployment.ts'
import { horizontalPodAutoscalerController } from './horizontal-pod-autoscaler.ts'
import { replicaSetController } from './replica-set.ts'
import { template, workbench } from '../testing/workbench.ts'

const labels = { app: 'web' }

test('without a metrics API the autoscaler says so, and still keeps the bounds', async () => {
  await using bench = await workbench([deploymentController, replicaSetController, horizontalPodAutoscalerController()])
  await bench.client.create(Deployment, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'default' }, spec: { replicas: 1, selector: { matchLabels: labels }, template: template(labels) } })
  await bench.client.create(HorizontalPodAutoscaler, {
    apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: 'web', namespace: 'default' },
    spec: { minReplicas: 2, maxReplicas: 4, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } }] },
  })
  await bench.settle()
  assert.equal((await bench.get(Deployment, 'web')).spec.replicas, 2)
  assert.ok((await bench.events()).includes('SuccessfulRescale: New size: 2; reason: Current number of replicas below Spec.MinReplicas'))
  await bench.advance(15_000)
  const { status } = await bench.get(HorizontalPodAutoscaler, 'web')
  assert.deepEqual([status?.currentReplicas, status?.conditions?.map((c) => `${c.type} ${c.status} ${c.reason}`)], [2, ['AbleToScale True SucceededGetScale', 'ScalingActive False FailedGetResourceMetric']])
  assert.equal(status?.conditions?.[1]?.message, 'the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)')
})

test('the recommendation follows use, with tolerance and care for what is unknown', () => {
  const sample = (usage: number | undefined, ready = true) => ({ usage, request: 100, ready })
  const rows: [number, Parameters<typeof recommend>[1], number | undefined][] = [
    [2, [sample(100), sample(100)], 4], [2, [sample(52), sample(52)], 2], [4, [sample(25), sample(25), sample(25), sample(25)], 2],
    [2, [sample(100), sample(undefined)], 2], [2, [sample(10), sample(undefined)], 2], [2, [sample(300), sample(undefined, false)], 6], [1, [sample(undefined)], undefined],
  ]
  for (const [current, samples, want] of rows) assert.equal(recommend(current, samples, { utilization: 50 })?.replicas, want, JSON.stringify(samples))
})

test('policies and windows limit the pace', () => {
  const now = 1_000_000
  assert.equal(policyLimit(2, [], defaultUp, true, now), 6)
  assert.equal(policyLimit(6, [{ at: now - 5_000, replicas: 4 }], defaultUp, true, now), 6)
  assert.equal(policyLimit(10, [], { ...defaultDown, policies: [{ type: 'Pods', value: 3, periodSeconds: 60 }] }, false, now), 7)
  assert.equal(policyLimit(10, [], { ...defaultUp, selectPolicy: 'Disabled' }, true, now), 10)
  assert.equal(stabilize(5, 2, [{ at: now - 100_000, replicas: 4 }], defaultUp, defaultDown, now), 4)
  assert.equal(stabilize(5, 9, [], defaultUp, defaultDown, now), 9)
})
