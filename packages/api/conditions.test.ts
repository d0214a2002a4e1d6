import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '@idp/formats'
import { isConditionTrue, setConditions } from './conditions.ts'
import { controllerOf, controllerReference, isControlledBy, ownerReference } from './owner-reference.ts'

test('the time of transition moves only when the status changes', () => {
  let now = 0
  const clock = { now: () => now }
  const ready = { type: 'Ready', status: 'True', reason: 'Up', message: '' } as const
  const first = setConditions(undefined, [ready], clock)
  assert.deepEqual(first, [{ ...ready, lastTransitionTime: '1970-01-01T00:00:00Z' }])
  now = 5000
  assert.equal(setConditions(first, [{ ...ready, reason: 'StillUp' }], clock)[0]?.lastTransitionTime, '1970-01-01T00:00:00Z')
  const down = setConditions(first, [{ ...ready, status: 'False' }, { type: 'Other', status: 'Unknown', reason: 'X', message: '' }], clock)
  assert.deepEqual(down.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]), [['Ready', '1970-01-01T00:00:05Z'], ['Other', '1970-01-01T00:00:05Z']])
  assert.deepEqual([isConditionTrue(first, 'Ready'), isConditionTrue(down, 'Ready'), isConditionTrue(undefined, 'Ready')], [true, false, false])
})

test('owner references', () => {
  const owner: KubeObject = { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'r', uid: 'u' } }
  const object: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', ownerReferences: [ownerReference({ ...owner, metadata: { name: 'o', uid: 'o' } }), controllerReference(owner)] } }
  assert.deepEqual(controllerOf(object), { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'u', controller: true, blockOwnerDeletion: true })
  assert.equal(isControlledBy(object, owner), true)
})
