import { ApiError } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { cloneJson, fieldAt, setFieldAt } from '../json-value.ts'
import { conflict, notFound } from '../object-storage.ts'
import { asObjectOf, contentTypeOf, parseBody, readBody } from '../verbs/request-body.ts'
import { respond } from '../verbs/respond.ts'
import type { ResourceRequest } from '../server-context.ts'

/** PUT `/api/v1/namespaces/x/finalize`: the only way to take away spec.finalizers; a namespace that is being deleted and has none left goes. */
export async function finalizeNamespace(request: ResourceRequest): Promise<Response> {
  const { server, resource, info } = request
  if (info.verb !== 'update') throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource')
  const wanted = asObjectOf(resource, parseBody(await readBody(request.request), contentTypeOf(request.request)))
  for (let attempt = 0; attempt < 8; attempt++) {
    const entry = server.storage.entry(resource, { name: info.name })
    if (entry === undefined) throw notFound(resource, info.name)
    const live = server.storage.codec.object(entry)
    const { resourceVersion } = wanted.metadata
    if (resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== live.metadata.resourceVersion) throw conflict(resource, info.name)
    const next = cloneJson(live)
    setFieldAt(next, ['spec', 'finalizers'], fieldAt(wanted, ['spec', 'finalizers']))
    if (isDone(next)) {
      if (await server.storage.remove(resource, entry)) return respond(request, next)
    } else {
      const stored = await server.storage.replace(resource, entry, next)
      if (stored !== undefined) return respond(request, stored)
    }
  }
  throw conflict(resource, info.name)
}

function isDone(namespace: AnyObject): boolean {
  const finalizers = fieldAt(namespace, ['spec', 'finalizers'])
  return namespace.metadata.deletionTimestamp !== undefined && (namespace.metadata.finalizers?.length ?? 0) === 0 && (!Array.isArray(finalizers) || finalizers.length === 0)
}
