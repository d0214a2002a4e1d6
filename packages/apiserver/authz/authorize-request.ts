import { ApiError } from '@idp/api'
import type { RequestInfo } from '../request-info.ts'
import type { ServerContext, User } from '../server-context.ts'
import type { Attributes } from './authorizer.ts'

/** Throws ApiError `Forbidden` in upstream's words unless `user` may do what `info` says. */
export function authorizeOrThrow(server: Pick<ServerContext, 'authorizer'>, user: User, info: RequestInfo): void {
  const decision = server.authorizer.authorize(user, info)
  if (!decision.allowed) throw forbidden(user, info, decision.reason)
}

/** `pods is forbidden: User "x" cannot list resource "pods" in API group "" in the namespace "y"`. */
export function forbidden(user: User, attributes: Attributes, reason?: string): ApiError {
  const why = reason === undefined || reason === '' ? '' : `: ${reason}`
  if (!attributes.isResource) return new ApiError('Forbidden', `forbidden: User ${JSON.stringify(user.name)} cannot ${attributes.verb} path ${JSON.stringify(attributes.path)}${why}`)
  const { group, resource, subresource, namespace, name, verb } = attributes
  const qualified = group === '' ? resource : `${resource}.${group}`
  const what = subresource === '' ? resource : `${resource}/${subresource}`
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`
  const subject = name === '' ? `${qualified} is forbidden` : `${qualified} ${JSON.stringify(name)} is forbidden`
  return new ApiError('Forbidden', `${subject}: User ${JSON.stringify(user.name)} cannot ${verb} resource ${JSON.stringify(what)} in API group ${JSON.stringify(group)} ${where}${why}`, {
    details: { ...(name === '' ? {} : { name }), ...(group === '' ? {} : { group }), kind: resource },
  })
}
