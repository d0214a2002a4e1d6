import type { AnyObject } from '@idp/formats'
import { cloneJson, fieldAt, setFieldAt } from '../json-value.ts'
import { notFound } from '../object-storage.ts'
import type { ResourceRequest } from '../server-context.ts'
import { presenterOf } from './presenter-of.ts'
import { respond } from './respond.ts'
import { notAllowed, type SpecialHandler } from './route-resource.ts'
import { patchObject, putObject } from './write.ts'

/**
 * A subresource that shows the whole object and writes only some of its fields: `ephemeralcontainers` and `resize` of pods, `approval` of
 * CertificateSigningRequests. `merge` copies what may change from the written object onto a copy of the live one.
 */
export function partialSubresource(merge: (live: AnyObject, written: AnyObject) => AnyObject): SpecialHandler {
  return async (request: ResourceRequest) => {
    const { server, resource, info } = request
    if (info.verb === 'get') {
      const entry = server.storage.entry(resource, info)
      if (entry === undefined) throw notFound(resource, info.name)
      return respond(request, await presenterOf(server).object(resource, entry))
    }
    const limited = { ...request, resource: { ...resource, scope: merge } }
    if (info.verb === 'update') return putObject(limited)
    if (info.verb === 'patch') return patchObject(limited)
    throw notAllowed()
  }
}

/** Copies the given fields and nothing else. */
export function onlyFields(...paths: (readonly string[])[]): (live: AnyObject, written: AnyObject) => AnyObject {
  return (live, written) => {
    const next = cloneJson(live)
    for (const path of paths) setFieldAt(next, path, fieldAt(written, path))
    if (written.metadata.managedFields !== undefined) next.metadata.managedFields = written.metadata.managedFields
    return next
  }
}

/** `resize` changes the resources of containers that are there. */
export function onlyResources(live: AnyObject, written: AnyObject): AnyObject {
  const next = cloneJson(live)
  for (const list of ['containers', 'initContainers']) {
    const wanted = (fieldAt(written, ['spec', list]) ?? []) as { name: string; resources?: unknown; resizePolicy?: unknown }[]
    for (const container of (fieldAt(next, ['spec', list]) ?? []) as { name: string; resources?: unknown; resizePolicy?: unknown }[]) {
      const same = wanted.find(({ name }) => name === container.name)
      if (same?.resources !== undefined) container.resources = same.resources
      if (same?.resizePolicy !== undefined) container.resizePolicy = same.resizePolicy
    }
  }
  return next
}
