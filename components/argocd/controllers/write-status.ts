import { createMergePatch, type AnyObject, type JsonObject } from '@idp/formats'
import { fulfilled, type RefreshWish } from '../engine/refresh.ts'
import { Application, type ApplicationStatus } from '../kinds/application.ts'
import type { ControllerContext } from './controller-context.ts'

export interface StatusWrite {
  readonly status: ApplicationStatus
  readonly operation: Application['operation']
  /** The request to refresh that this pass fulfilled. */
  readonly wish: RefreshWish | undefined
  /** Before that time the rows of the resources are no reason to write. */
  readonly rowsNotBefore?: number
}

/**
 * One merge patch: the status, the consumed operation, the consumed refresh request. Nothing is sent when nothing changed.
 * Gives the milliseconds to wait when the only news are not to be written yet.
 */
export async function writeStatus(application: Application, { status, operation, wish, rowsNotBefore = 0 }: StatusWrite, context: ControllerContext): Promise<number | undefined> {
  const live = context.latest(application)
  const patch: JsonObject = createMergePatch({ status: (live.status ?? {}) as unknown as JsonObject }, { status: status as unknown as JsonObject })
  if (live.operation !== undefined && operation === undefined) patch['operation'] = null
  const annotations = fulfilled(live, wish)
  if (Object.keys(annotations).length > 0) patch['metadata'] = { annotations }
  if (Object.keys(patch).length === 0) return undefined
  const wait = rowsNotBefore - context.clock.now()
  if (wait > 0 && isAboutRows(patch)) return wait
  reportChanges(application, status, context)
  const written = await context.client.patch(Application, application.metadata.name ?? '', patch, { type: 'merge', namespace: application.metadata.namespace })
  context.observe(written)
  return undefined
}

function isAboutRows({ status, ...rest }: JsonObject): boolean {
  return Object.keys(rest).length === 0 && Object.keys(status as JsonObject).every((key) => key === 'resources' || key === 'summary')
}

function reportChanges({ status: before, ...application }: Application, after: ApplicationStatus, context: ControllerContext): void {
  const about = application as unknown as AnyObject
  const [sync, health] = [before?.sync?.status, before?.health?.status]
  // The first verdict is no change; the operation that led to it has its own events.
  if (sync === undefined) return
  if (sync !== after.sync?.status) context.event(about, 'Normal', 'ResourceUpdated', `Updated sync status: ${sync} -> ${after.sync?.status ?? ''}`)
  if (health !== after.health?.status) context.event(about, 'Normal', 'ResourceUpdated', `Updated health status: ${health ?? ''} -> ${after.health?.status ?? ''}`)
}
