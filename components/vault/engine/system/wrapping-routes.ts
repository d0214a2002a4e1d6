import type { BackendRequest, Route } from '../backend.ts'
import type { Active } from '../core/active.ts'
import { text } from '../fields.ts'
import { badRequest } from '../vault-error.ts'

/** `sys/wrapping`: answers behind a token that works once. */
export function wrappingRoutes({ wrapping }: Active): Route[] {
  const tokenOf = ({ data, headers }: BackendRequest): string => text(data, 'token', headers.get('x-vault-token') ?? '')
  return [
    { path: 'wrapping/wrap', write: ({ data, wrapTtl }) => {
      if (wrapTtl === undefined) throw badRequest('endpoint requires response wrapping to be used')
      return { data }
    } },
    { path: 'wrapping/unwrap', open: true, write: (request) => ({ status: 200, body: wrapping.unwrap(tokenOf(request)) }) },
    { path: 'wrapping/lookup', open: true, write: (request) => ({ data: wrapping.lookup(tokenOf(request)) }), read: (request) => ({ data: wrapping.lookup(tokenOf(request)) }) },
    { path: 'wrapping/rewrap', open: true, write: (request) => ({ wrapInfo: wrapping.rewrap(tokenOf(request)) }) },
  ]
}
