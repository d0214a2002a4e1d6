import { rowCells, type PrinterColumn } from '@idp/api'
import type { AnyObject, ObjectMeta } from '@idp/formats'
import type { ResourceRequest } from './server-context.ts'

/** `meta.k8s.io/v1` Table: what `kubectl get` prints. */
export function tableOf(request: Pick<ResourceRequest, 'resource' | 'search' | 'server'>, objects: readonly AnyObject[], metadata: object): object {
  const columns = request.resource.columns
  const now = request.server.clock.now()
  const include = request.search.get('includeObject') ?? 'Metadata'
  return {
    kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata: listMeta(metadata),
    columnDefinitions: columns.map(({ name, type, format, priority }) => ({ name, type, format, description: '', priority })),
    rows: objects.map((object) => rowOf(columns, object, now, include)),
  }
}

export function rowOf(columns: readonly PrinterColumn[], object: AnyObject, now: number, include: string): object {
  const cells = rowCells(columns, object, now)
  if (include === 'None') return { cells }
  return { cells, object: include === 'Object' ? object : { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata } }
}

function listMeta(metadata: ObjectMeta & { continue?: string; remainingItemCount?: number }): object {
  const { resourceVersion, continue: next, remainingItemCount } = metadata
  return { resourceVersion, ...(next === undefined ? {} : { continue: next }), ...(remainingItemCount === undefined ? {} : { remainingItemCount }) }
}
