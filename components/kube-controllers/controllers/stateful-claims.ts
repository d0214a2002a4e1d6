import { PersistentVolumeClaim, Pod, StatefulSet } from '@idp/api'
import { controllerReference, type Scope } from '@idp/controller'
import { deepEqual, type OwnerReference } from '@idp/formats'
import { claimName, wantedOrdinals } from '../engine/stateful-pods.ts'

/**
 * Makes the set the owner of its claims (`whenDeleted: Delete`), or a pod beyond the wanted ordinals the owner of its own (`whenScaled: Delete`),
 * so that garbage collection removes them; and takes such references away where the policy says Retain.
 */
export async function keepRetentionPolicy(set: StatefulSet, pods: ReadonlyMap<number, Pod>, { client, cache }: Scope): Promise<void> {
  const policy = set.spec.persistentVolumeClaimRetentionPolicy
  if (policy === undefined) return
  const templates = (set.spec.volumeClaimTemplates ?? []).map((template) => template.metadata?.name ?? '')
  const wanted = new Set(wantedOrdinals(set))
  for (const [ordinal, pod] of pods) {
    for (const template of templates) {
      const claim = cache(PersistentVolumeClaim).get(claimName(set, template, ordinal), set.metadata.namespace)
      if (claim === undefined) continue
      const before = claim.metadata.ownerReferences ?? []
      const after = ownersOf(before, set, pod, policy, wanted.has(ordinal))
      if (deepEqual(before, after)) continue
      await client.patch(PersistentVolumeClaim, claim.metadata.name ?? '', { metadata: { ownerReferences: after as never[] } }, { namespace: claim.metadata.namespace, type: 'merge' })
    }
  }
}

function ownersOf(before: readonly OwnerReference[], set: StatefulSet, pod: Pod, policy: NonNullable<StatefulSet['spec']['persistentVolumeClaimRetentionPolicy']>, wanted: boolean): OwnerReference[] {
  const others = before.filter((reference) => reference.uid !== set.metadata.uid && reference.uid !== pod.metadata.uid)
  const bySet = policy.whenDeleted === 'Delete' && (wanted || policy.whenScaled !== 'Delete')
  const byPod = policy.whenScaled === 'Delete' && !wanted
  const podReference = { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name ?? '', uid: pod.metadata.uid ?? '' }
  return [...others, ...(bySet ? [controllerReference(StatefulSet, set)] : []), ...(byPod ? [podReference] : [])]
}
