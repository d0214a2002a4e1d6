import { ApiError } from '@idp/api'
import type { ResourceRequest } from '../server-context.ts'
import { deleteCollection, deleteObject } from './delete.ts'
import { getObject, listObjects } from './read.ts'
import { serveScale } from './scale.ts'
import { watchObjects } from './watch.ts'
import { patchObject, postObject, putObject } from './write.ts'

/** Serves one subresource or one kind that is not stored; by `<group>/<plural>` or `<group>/<plural>/<subresource>`. */
export type SpecialHandler = (request: ResourceRequest) => Response | Promise<Response>

/** Leads a request to the verb that serves it. */
export function routeResource(request: ResourceRequest, special: ReadonlyMap<string, SpecialHandler>): Response | Promise<Response> {
  const { info, resource } = request
  const name = `${info.group}/${info.resource}`
  const own = special.get(info.subresource === '' ? name : `${name}/${info.subresource}`)
  if (own !== undefined) return own(request)
  if (info.subresource === 'scale') return serveScale(request)
  if (info.subresource !== '' && !(info.subresource === 'status' && resource.hasStatus)) throw new ApiError('NotFound', 'the server could not find the requested resource')
  if (!resource.verbs.includes(info.verb)) throw notAllowed()
  return verb(request)
}

function verb(request: ResourceRequest): Response | Promise<Response> {
  const { verb: name, subresource } = request.info
  const onName = isNamed(request)
  switch (name) {
    case 'get': return getObject(request)
    case 'list': return listObjects(request)
    case 'watch': return watchObjects(request)
    case 'create':
      if (onName) throw notAllowed()
      return postObject(request)
    case 'update': return onName ? putObject(request) : Promise.reject(notAllowed())
    case 'patch': return onName ? patchObject(request) : Promise.reject(notAllowed())
    case 'delete':
      if (subresource !== '') throw notAllowed()
      return deleteObject(request)
    case 'deletecollection': return deleteCollection(request)
    default: throw notAllowed()
  }
}

function isNamed({ info }: ResourceRequest): boolean {
  return info.name !== ''
}

export function notAllowed(): ApiError {
  return new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource')
}
