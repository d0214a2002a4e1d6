import type { AnyObject } from '@idp/formats'
import { applicationCause, objects, oneLine, withoutCredentials, words, type World } from '@idp/platform'

export interface ApplicationRow {
  readonly name: string
  readonly namespace: string
  readonly stack: string
  readonly project: string
  readonly source: string
  readonly revision: string
  readonly sync: string
  readonly health: string
  readonly phase: string
  readonly resources: number
  readonly differ: number
  /** When the last sync ended, RFC 3339. */
  readonly synced: string
  /** For one that is not well. */
  readonly cause: string
}

/** The list of Applications, those that are not well first. */
export function applicationRows(world: World): ReadonlyMap<string, ApplicationRow> {
  const pods = world.list('Pod')
  return new Map(world.list('Application').map((app) => [`${app.metadata.namespace}/${app.metadata.name}`, rowOf(app, pods)]))
}

function rowOf(app: AnyObject, pods: readonly AnyObject[]): ApplicationRow {
  const resources = objects(app, 'status', 'resources')
  return {
    name: app.metadata.name ?? '', namespace: app.metadata.namespace ?? '', stack: app.metadata.ownerReferences?.find((owner) => owner.kind === 'ApplicationSet')?.name ?? '',
    project: words(app, 'spec', 'project'), source: sourceOf(app), revision: words(app, 'status', 'sync', 'revision'),
    sync: words(app, 'status', 'sync', 'status') || 'Unknown', health: words(app, 'status', 'health', 'status') || 'Unknown', phase: words(app, 'status', 'operationState', 'phase'),
    resources: resources.length, differ: resources.filter((one) => one['status'] === 'OutOfSync').length, synced: words(app, 'status', 'operationState', 'finishedAt'), cause: oneLine(applicationCause(app, pods) ?? '', 300),
  }
}

/** `K8s/observability/loki`, or the chart: what distinguishes it; the repository when there is neither. */
function sourceOf(app: AnyObject): string {
  return words(app, 'spec', 'source', 'path') || words(app, 'spec', 'source', 'chart') || withoutCredentials(words(app, 'spec', 'source', 'repoURL'))
}
