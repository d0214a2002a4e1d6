import type { AnyObject } from '@idp/formats'
import { cloneJson } from '../json-value.ts'
import type { Resource } from '../resource.ts'

/**
 * Limits a write to what its endpoint may change, in place: the object's own endpoint leaves status alone; the status endpoint
 * changes status only (and, for built-in kinds, labels and annotations, which node agents and controllers write with it).
 */
export function scopeToSubresource(resource: Resource, subresource: string, live: AnyObject, next: AnyObject): void {
  if (resource.scope !== undefined) {
    const scoped = resource.scope(live, next)
    for (const field of new Set([...Object.keys(next), ...Object.keys(scoped)])) copyField(scoped, next, field)
    return
  }
  if (subresource === '') {
    if (resource.hasStatus) copyField(live, next, 'status')
    return
  }
  if (subresource !== 'status') return
  for (const field of new Set([...Object.keys(live), ...Object.keys(next)])) {
    if (field !== 'status' && field !== 'metadata' && field !== 'apiVersion' && field !== 'kind') copyField(live, next, field)
  }
  const { managedFields } = next.metadata
  const { labels, annotations } = next.metadata
  next.metadata = cloneJson(live.metadata)
  if (managedFields !== undefined) next.metadata.managedFields = managedFields
  if (!resource.builtIn) return
  if (labels !== undefined) next.metadata.labels = labels
  if (annotations !== undefined) next.metadata.annotations = annotations
}

function copyField(from: AnyObject, to: AnyObject, field: string): void {
  if (from[field] === undefined) delete to[field]
  else to[field] = cloneJson(from[field])
}
