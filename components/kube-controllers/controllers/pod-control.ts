import { isApiError, Pod } from '@idp/api'
import type { Scope } from '@idp/controller'
import type { KubeObject } from '@idp/formats'
import { messageOf } from '@idp/kit'

/** Creates a pod and records it as an event of the owner. A refusal is an event too, and is thrown. */
export async function createPod(pod: Pod, owner: KubeObject, { client, event }: Scope): Promise<Pod> {
  try {
    const created = await client.create(Pod, pod)
    event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata.name}`)
    return created
  } catch (error) {
    // A namespace that is going away refuses new content; that is no news for its events.
    if (!isNamespaceTerminating(error)) event(owner, 'Warning', 'FailedCreate', `Error creating: ${messageOf(error)}`)
    throw error
  }
}

/** Deletes a pod and records it as an event of the owner. One that is gone already is as good. */
export async function deletePod(pod: Pod, owner: KubeObject, { client, event }: Scope): Promise<void> {
  const { name = '', namespace, uid } = pod.metadata
  try {
    await client.delete(Pod, name, { namespace, ...(uid === undefined ? {} : { preconditions: { uid } }) })
    event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`)
  } catch (error) {
    if (isApiError(error, 'NotFound', 'Conflict')) return
    event(owner, 'Warning', 'FailedDelete', `Error deleting: ${messageOf(error)}`)
    throw error
  }
}

export function isNamespaceTerminating(error: unknown): boolean {
  return isApiError(error, 'Forbidden') && (error.details?.causes ?? []).some((cause) => cause.reason === 'NamespaceTerminating')
}
