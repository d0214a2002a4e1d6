import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '@idp/formats'
import { readiness } from './readiness.ts'

const object = (apiVersion: string, kind: string, spec: unknown, status: unknown): KubeObject => ({ apiVersion, kind, metadata: { name: 'x', generation: 2 }, spec, status }) as KubeObject

const rows: readonly (readonly [name: string, object: KubeObject, lacks: RegExp | undefined])[] = [
  ['a Deployment no controller has seen', object('apps/v1', 'Deployment', { replicas: 2 }, {}), /not seen/],
  ['a Deployment in the middle of a rollout', object('apps/v1', 'Deployment', { replicas: 2 }, { observedGeneration: 2, updatedReplicas: 1, availableReplicas: 2 }), /1 of 2 pods updated/],
  ['a Deployment that is available', object('apps/v1', 'Deployment', { replicas: 2 }, { observedGeneration: 2, updatedReplicas: 2, availableReplicas: 2 }), undefined],
  ['a Deployment scaled to nothing', object('apps/v1', 'Deployment', { replicas: 0 }, { observedGeneration: 2 }), undefined],
  ['a DaemonSet', object('apps/v1', 'DaemonSet', {}, { observedGeneration: 2, desiredNumberScheduled: 3, numberReady: 2, updatedNumberScheduled: 3 }), /2 of 3/],
  ['a failing Certificate', object('cert-manager.io/v1', 'Certificate', {}, { conditions: [{ type: 'Ready', status: 'False', reason: 'Pending', message: 'no issuer' }] }), /Ready is False \(Pending\): no issuer/],
  ['a ConfigMap', object('v1', 'ConfigMap', undefined, undefined), undefined],
]
for (const [name, value, lacks] of rows) {
  test(name, () => (lacks === undefined ? assert.equal(readiness(value), undefined) : assert.match(readiness(value) ?? '', lacks)))
}
