import { isApiError, PersistentVolumeClaim, Pod, type StatefulSet } from '@idp/api'
import { Waiting, type Scope } from '@idp/controller'
import { messageOf } from '@idp/kit'
import { podNameLabel, statefulClaims } from '../engine/stateful-pods.ts'

/** Creates the claims of an ordinal that do not exist, then its pod. */
export async function createStatefulPod(set: StatefulSet, pod: Pod, ordinal: number, scope: Scope): Promise<Pod> {
  const { client, event } = scope
  const subject = `Pod ${pod.metadata.name}`
  try {
    await createClaims(set, pod, ordinal, scope)
    const created = await client.create(Pod, pod)
    event(set, 'Normal', 'SuccessfulCreate', `create ${subject} in StatefulSet ${set.metadata.name} successful`)
    return created
  } catch (error) {
    if (isApiError(error, 'AlreadyExists')) throw new Waiting(`pod ${pod.metadata.name} exists and belongs to another`, 1_000)
    event(set, 'Warning', 'FailedCreate', `create ${subject} in StatefulSet ${set.metadata.name} failed error: ${messageOf(error)}`)
    throw error
  }
}

async function createClaims(set: StatefulSet, pod: Pod, ordinal: number, { client, cache, event }: Scope): Promise<void> {
  for (const draft of statefulClaims(set, ordinal)) {
    const { name = '', namespace } = draft.metadata
    const found = cache(PersistentVolumeClaim).get(name, namespace)
    if (found?.metadata.deletionTimestamp !== undefined) throw new Waiting(`pvc ${name} is being deleted`, 1_000)
    if (found !== undefined) continue
    try {
      await client.create(PersistentVolumeClaim, draft)
      event(set, 'Normal', 'SuccessfulCreate', `create Claim ${name} Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} success`)
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error
    }
  }
}

export async function deleteStatefulPod(set: StatefulSet, pod: Pod, { client, event }: Scope): Promise<void> {
  const { name = '', namespace, uid } = pod.metadata
  try {
    await client.delete(Pod, name, { namespace, ...(uid === undefined ? {} : { preconditions: { uid } }) })
    event(set, 'Normal', 'SuccessfulDelete', `delete Pod ${name} in StatefulSet ${set.metadata.name} successful`)
  } catch (error) {
    if (isApiError(error, 'NotFound', 'Conflict')) return
    event(set, 'Warning', 'FailedDelete', `delete Pod ${name} in StatefulSet ${set.metadata.name} failed error: ${messageOf(error)}`)
    throw error
  }
}

/** An adopted pod gets the label that names it. */
export async function fixIdentity(_set: StatefulSet, pod: Pod, ordinal: number, { client }: Scope): Promise<Pod> {
  const name = pod.metadata.name ?? ''
  if (pod.metadata.labels?.[podNameLabel] === name) return pod
  const labels = { [podNameLabel]: name, 'apps.kubernetes.io/pod-index': String(ordinal) }
  return client.patch(Pod, name, { metadata: { labels } }, { namespace: pod.metadata.namespace, type: 'merge' })
}
