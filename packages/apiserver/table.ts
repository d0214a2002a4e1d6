import { rfc3339 } from '@idp/kit'
import type { AnyObject, ObjectMeta } from '@idp/formats'
import type { Column } from './resource.ts'
import type { ResourceRequest } from './server-context.ts'

/** Columns of kinds without any of their own, as upstream prints them. */
export const defaultColumns: readonly Column[] = [
  { name: 'Name', type: 'string', format: 'name', description: 'Name must be unique within a namespace.', cell: (object) => object.metadata.name },
  { name: 'Created At', type: 'date', description: 'When the object was made.', cell: (object) => object.metadata.creationTimestamp },
]

/** `meta.k8s.io/v1` Table: what `kubectl get` prints. */
export function tableOf(request: Pick<ResourceRequest, 'resource' | 'search' | 'server'>, objects: readonly AnyObject[], metadata: object): object {
  const columns = request.resource.columns ?? defaultColumns
  const now = request.server.clock.now()
  const include = request.search.get('includeObject') ?? 'Metadata'
  return {
    kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata: listMeta(metadata),
    columnDefinitions: columns.map(({ name, type, format = '', description = '', priority = 0 }) => ({ name, type, format, description, priority })),
    rows: objects.map((object) => rowOf(columns, object, now, include)),
  }
}

export function rowOf(columns: readonly Column[], object: AnyObject, now: number, include: string): object {
  const cells = columns.map((column) => column.cell(object, now) ?? null)
  if (include === 'None') return { cells }
  return { cells, object: include === 'Object' ? object : { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata } }
}

function listMeta(metadata: ObjectMeta & { continue?: string; remainingItemCount?: number }): object {
  const { resourceVersion, continue: next, remainingItemCount } = metadata
  return { resourceVersion, ...(next === undefined ? {} : { continue: next }), ...(remainingItemCount === undefined ? {} : { remainingItemCount }) }
}

/** How long ago, as kubectl writes it: `5s`, `3m20s`, `4h`, `2d`. */
export function ageOf(timestamp: string | null | undefined, now: number): string {
  if (timestamp === undefined || timestamp === null) return '<unknown>'
  const seconds = Math.floor((now - Date.parse(timestamp)) / 1000)
  return Number.isNaN(seconds) ? rfc3339(0) : durationText(seconds)
}

export function durationText(seconds: number): string {
  if (seconds < -1) return '<invalid>'
  if (seconds <= 0) return '0s'
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`
  if (minutes < 180) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`
  if (hours < 48) return `${hours}h`
  const days = Math.floor(hours / 24)
  if (hours < 192) return hours % 24 === 0 ? `${days}d` : `${days}d${hours % 24}h`
  if (days < 730) return `${days}d`
  const years = Math.floor(days / 365)
  return days < 2920 && days % 365 !== 0 ? `${years}y${days % 365}d` : `${years}y`
}
