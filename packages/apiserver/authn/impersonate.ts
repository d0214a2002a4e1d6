import { wholeBody } from '@idp/http'
import { forbidden } from '../authz/authorize-request.ts'
import type { Attributes, Authorizer } from '../authz/authorizer.ts'
import type { User } from '../server-context.ts'
import { serviceAccountUser } from './service-account-user.ts'
import { ApiError } from '@idp/api'

const none: Attributes = { verb: 'impersonate', isResource: true, path: '', group: '', version: 'v1', resource: '', subresource: '', namespace: '', name: '' }

/** The user a request acts as: its own, or the one its `Impersonate-*` headers name, if it may. Throws ApiError `Forbidden`. */
export function impersonated(user: User, request: Request, authorizer: Authorizer): User {
  const name = request.headers.get('impersonate-user')
  // A caller in this process has few headers, made by the client: none of them means none at all, and looking through them costs more than the question.
  if (name === null && wholeBody(request) !== undefined && !request.headers.has('impersonate-group') && !request.headers.has('impersonate-uid')) return user
  const groups = headerList(request, 'impersonate-group')
  const uid = request.headers.get('impersonate-uid')
  const extra = extraOf(request)
  if (name === null || name === '') {
    if (groups.length > 0 || uid !== null || Object.keys(extra).length > 0) throw new ApiError('BadRequest', 'requested impersonation without impersonating a user')
    return user
  }
  const need = (attributes: Partial<Attributes>) => {
    const asked = { ...none, ...attributes }
    const decision = authorizer.authorize(user, asked)
    if (!decision.allowed) throw forbidden(user, asked, decision.reason)
  }
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name)
  if (account === null) need({ resource: 'users', name })
  else need({ resource: 'serviceaccounts', namespace: account[1] ?? '', name: account[2] ?? '' })
  for (const group of groups) need({ resource: 'groups', name: group })
  if (uid !== null) need({ group: 'authentication.k8s.io', resource: 'uids', name: uid })
  for (const [key, values] of Object.entries(extra)) for (const value of values) need({ group: 'authentication.k8s.io', resource: 'userextras', subresource: key, name: value })
  const own = account === null ? [] : serviceAccountUser(account[1] ?? '', account[2] ?? '').groups
  const all = [...new Set([...(groups.length > 0 ? groups : own), ...(name === 'system:anonymous' ? [] : ['system:authenticated'])])]
  return { name, groups: all, ...(uid === null ? {} : { uid }), extra }
}

function headerList(request: Request, name: string): string[] {
  return (request.headers.get(name) ?? '').split(',').map((text) => text.trim()).filter((text) => text !== '')
}

function extraOf(request: Request): Record<string, string[]> {
  const extra: Record<string, string[]> = {}
  for (const [name, value] of request.headers) {
    if (name.startsWith('impersonate-extra-')) extra[decodeURIComponent(name.slice('impersonate-extra-'.length))] = value.split(',').map((text) => text.trim())
  }
  return extra
}
