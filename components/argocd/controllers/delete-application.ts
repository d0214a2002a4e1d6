import { isApiError } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { messageOf, rfc3339 } from '@idp/kit'
import { mergeConditions } from '../engine/conditions.ts'
import { isHook, syncOptionsOf, waveOf } from '../engine/sync/annotations.ts'
import { kindPosition } from '../engine/sync/kind-order.ts'
import { Application } from '../kinds/application.ts'
import type { PassOutcome } from './application-pass.ts'
import type { ControllerContext, Memory } from './controller-context.ts'

const cascade = 'resources-finalizer.argocd.argoproj.io'

/** One look at an Application that is being deleted: with the cascade finalizer its objects go first, later waves before earlier ones. */
export async function deletionPass(application: Application, memory: Memory, context: ControllerContext): Promise<PassOutcome> {
  const finalizer = application.metadata.finalizers?.find((one) => one === cascade || one.startsWith(`${cascade}/`))
  if (finalizer === undefined) return {}
  await context.followTargets(memory, { revisions: [], sourceTypes: [], identity: '', objects: [], hooks: [], warnings: [] }, application)
  const { live, kindOf, client, clock } = context.taskContext()
  const left = live.ofApplication(application.metadata.name ?? '').filter(isToBeDeleted)
  if (left.length === 0) {
    await removeFinalizer(application, finalizer, context)
    return {}
  }
  const wave = Math.max(...left.map(waveOf))
  const now = left.filter((one) => waveOf(one) === wave).sort((a, b) => kindPosition(b.kind) - kindPosition(a.kind))
  const propagationPolicy = finalizer.endsWith('/background') ? 'Background' as const : 'Foreground' as const
  const failures: string[] = []
  for (const object of now) {
    if (object.metadata.deletionTimestamp !== undefined) continue
    const kind = await kindOf(object.apiVersion, object.kind)
    if (kind === undefined) continue
    try {
      const { name = '', namespace } = object.metadata
      await client.delete(kind, name, { propagationPolicy, ...(namespace === undefined ? {} : { namespace }) })
      live.observeDeletion(kind, object, rfc3339(clock.now()))
    } catch (error) {
      if (!isApiError(error, 'NotFound')) failures.push(`${object.kind}/${object.metadata.name ?? ''}: ${messageOf(error)}`)
    }
  }
  if (failures.length > 0) await reportFailure(application, failures, context)
  // Changes of the objects wake the application; the timer is for what is not watched.
  return { requeueAfter: failures.length > 0 ? 5_000 : 2_000 }
}

function isToBeDeleted(object: AnyObject): boolean {
  if ((object.metadata.ownerReferences ?? []).length > 0 || isHook(object)) return false
  const options = syncOptionsOf(object)
  return !options.has('Delete=false') && object.metadata.annotations?.['helm.sh/resource-policy'] !== 'keep'
}

async function removeFinalizer(application: Application, finalizer: string, { client, observe }: ControllerContext): Promise<void> {
  const finalizers = (application.metadata.finalizers ?? []).filter((one) => one !== finalizer)
  const patch = { metadata: { finalizers, resourceVersion: application.metadata.resourceVersion ?? '' } }
  try {
    observe(await client.patch(Application, application.metadata.name ?? '', patch, { type: 'merge', namespace: application.metadata.namespace }))
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error
  }
}

async function reportFailure(application: Application, failures: readonly string[], { client, clock }: ControllerContext): Promise<void> {
  const now = rfc3339(clock.now())
  const conditions = mergeConditions(application.status?.conditions, [{ type: 'DeletionError', message: failures.join('; ') }], now)
  await client.patch(Application, application.metadata.name ?? '', { status: { conditions } } as never, { type: 'merge', namespace: application.metadata.namespace })
}
