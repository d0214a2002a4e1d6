import { apiVersionOf } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { type AuthorizationAnswer, type AuthorizationQuestion, type CelValue, makeAuthorizer, makeResourceCheck } from '@idp/lang-cel'
import type { AdmissionRequest } from '../admission/admission.ts'
import { convertTo } from '../presenter.ts'
import type { ServerContext, User } from '../server-context.ts'
import type { MatchedAs } from '../webhook/match-webhook.ts'
import type { Bindings } from './admission-expressions.ts'

type Context = Pick<ServerContext, 'storage' | 'registry' | 'authorizer'>

/** The variables that every expression of admission has, for a request seen as `as`. */
export async function admissionBindings(server: Context, request: AdmissionRequest, as: MatchedAs): Promise<Bindings> {
  const apiVersion = apiVersionOf({ group: as.group, version: as.version })
  const seen = async (object: AnyObject | undefined): Promise<CelValue> => {
    if (object === undefined) return null
    return (object.apiVersion === apiVersion || object.apiVersion !== apiVersionOf(request.resource.kind) ? object : await convertTo(request.resource, object, apiVersion)) as unknown as CelValue
  }
  return {
    object: await seen(request.object), oldObject: await seen(request.old), request: requestValue(request, as), namespaceObject: namespaceValue(server, request), ...authorizers(server, request, as),
  }
}

/** The request as an expression reads it: what is empty is absent. */
function requestValue({ resource, subresource, name, namespace, operation, user, dryRun, options }: AdmissionRequest, as: MatchedAs): CelValue {
  const { kind } = resource
  return {
    kind: { group: as.group, version: as.version, kind: as.kind }, resource: { group: as.group, version: as.version, resource: as.resource },
    requestKind: { group: kind.group, version: kind.version, kind: kind.kind }, requestResource: { group: kind.group, version: kind.version, resource: kind.plural },
    ...subresource !== '' && { subResource: subresource, requestSubResource: subresource }, ...name !== '' && { name }, ...namespace !== '' && { namespace },
    operation, dryRun, options: options as CelValue,
    userInfo: { username: user.name, ...user.uid !== undefined && { uid: user.uid }, groups: user.groups, ...user.extra !== undefined && { extra: user.extra as CelValue } },
  }
}

function namespaceValue({ storage, registry }: Context, { resource, namespace }: AdmissionRequest): CelValue {
  if (namespace === '' || (resource.kind.group === '' && resource.kind.plural === 'namespaces')) return null
  const namespaces = registry.find('', 'v1', 'namespaces')
  const found = namespaces && storage.find(namespaces, { name: namespace })
  if (!found) return null
  const { managedFields: _managed, ownerReferences: _owners, ...metadata } = found.metadata
  return { metadata: metadata as unknown as CelValue, spec: (found['spec'] ?? {}) as CelValue, status: (found['status'] ?? {}) as CelValue }
}

function authorizers({ authorizer }: Context, { user, subresource, namespace, name }: AdmissionRequest, as: MatchedAs): Bindings {
  const known = new Map<string, AuthorizationAnswer>()
  const authorize = (question: AuthorizationQuestion): AuthorizationAnswer => {
    const key = JSON.stringify(question)
    let answer = known.get(key)
    if (!answer) known.set(key, answer = authorizer.authorize(askedBy(user, question), attributesOf(question)))
    return answer
  }
  return { authorizer: makeAuthorizer(authorize), 'authorizer.requestResource': makeResourceCheck(authorize, { group: as.group, resource: as.resource, subresource, namespace, name }) }
}

function askedBy(user: User, { serviceAccount }: AuthorizationQuestion): User {
  if (!serviceAccount) return user
  const { namespace, name } = serviceAccount
  return { name: `system:serviceaccount:${namespace}:${name}`, groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'] }
}

function attributesOf({ verb, path, group = '', resource = '', subresource = '', namespace = '', name = '' }: AuthorizationQuestion) {
  return { verb, path: path ?? '', isResource: path === undefined, group, version: '*', resource, subresource, namespace, name }
}
