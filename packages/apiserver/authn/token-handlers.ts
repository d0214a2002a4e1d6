import { ApiError } from '@idp/api'
import { rfc3339 } from '@idp/kit'
import { readReview } from '../authz/access-reviews.ts'
import { fieldAt } from '../json-value.ts'
import { notFound } from '../object-storage.ts'
import type { ResourceRequest } from '../server-context.ts'
import { contentTypeOf, parseBody, readBody } from '../verbs/request-body.ts'
import { respond } from '../verbs/respond.ts'
import type { SpecialHandler } from '../verbs/route-resource.ts'
import type { Authenticator } from './authenticator.ts'
import type { TokenClaims, TokenSigner } from './service-account-tokens.ts'

const shortest = 600
const longest = 2 ** 32

/** TokenRequest, TokenReview and SelfSubjectReview. */
export function tokenHandlers(signer: TokenSigner, authenticator: Authenticator, audiences: readonly string[]): [string, SpecialHandler][] {
  return [
    ['/serviceaccounts/token', (request) => requestToken(request, signer, audiences)],
    ['authentication.k8s.io/tokenreviews', async (request) => {
      const object = await readReview(request)
      const wanted = (fieldAt(object, ['spec', 'audiences']) as string[] | undefined) ?? []
      const identity = authenticator.token(String(fieldAt(object, ['spec', 'token']) ?? ''))
      const shared = identity?.audiences.filter((audience) => (wanted.length === 0 ? audiences : wanted).includes(audience)) ?? []
      const spec = { ...(object.spec as object) }
      if (identity === undefined || shared.length === 0) {
        const error = identity === undefined ? 'invalid bearer token' : `token audiences ${JSON.stringify(identity.audiences)} is invalid for the target audiences ${JSON.stringify(wanted.length === 0 ? audiences : wanted)}`
        return respond(request, { ...object, spec, status: { user: {}, error } }, { code: 201 })
      }
      const { name, uid, groups, extra } = identity.user
      return respond(request, { ...object, spec, status: { authenticated: true, user: { username: name, ...(uid === undefined ? {} : { uid }), groups, ...(extra === undefined ? {} : { extra }) }, audiences: shared } }, { code: 201 })
    }],
  ]
}

export const selfSubjectReview: [string, SpecialHandler] = ['authentication.k8s.io/selfsubjectreviews', async (request) => {
  const object = await readReview(request)
  const { name, uid, groups, extra } = request.user
  const { spec: _spec, ...rest } = object
  return respond(request, { ...rest, metadata: { creationTimestamp: rfc3339(request.server.clock.now()) }, status: { userInfo: { username: name, ...(uid === undefined ? {} : { uid }), groups, ...(extra === undefined ? {} : { extra }) } } }, { code: 201 })
}]

async function requestToken(request: ResourceRequest, signer: TokenSigner, audiences: readonly string[]): Promise<Response> {
  const { server, resource, info } = request
  if (info.verb !== 'create') throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource')
  const account = server.storage.find(resource, info)
  if (account === undefined) throw notFound(resource, info.name)
  const body = parseBody(await readBody(request.request), contentTypeOf(request.request))
  const asked = Number(fieldAt(body, ['spec', 'expirationSeconds']) ?? 3600)
  if (!(asked >= shortest && asked <= longest)) {
    throw new ApiError('Invalid', `TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: ${asked}: may not specify a duration ${asked < shortest ? 'less than 10 minutes' : 'larger than 2^32 seconds'}`)
  }
  const wanted = fieldAt(body, ['spec', 'audiences']) as string[] | undefined
  const aud = wanted === undefined || wanted.length === 0 ? audiences : wanted
  const exp = Math.floor(server.clock.now() / 1000) + asked
  const bound = boundTo(request, body)
  const token = signer.issue({
    sub: `system:serviceaccount:${info.namespace}:${info.name}`, aud, exp,
    'kubernetes.io': { namespace: info.namespace, serviceaccount: { name: info.name, uid: account.metadata.uid ?? '' }, ...bound },
  })
  const spec = { audiences: aud, expirationSeconds: asked, boundObjectRef: fieldAt(body, ['spec', 'boundObjectRef']) ?? null }
  return respond(request, {
    kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', metadata: { name: info.name, namespace: info.namespace, creationTimestamp: rfc3339(server.clock.now()) },
    spec, status: { token, expirationTimestamp: rfc3339(exp * 1000) },
  }, { code: 201 })
}

/** The object whose life the token shares, checked to be there and to use the account. */
function boundTo({ server, info }: ResourceRequest, body: unknown): Partial<Pick<TokenClaims['kubernetes.io'], 'pod' | 'secret' | 'node'>> {
  const ref = fieldAt(body, ['spec', 'boundObjectRef']) as { kind?: string; name?: string; uid?: string } | undefined | null
  if (ref === undefined || ref === null) return {}
  const plural = { Pod: 'pods', Secret: 'secrets', Node: 'nodes' }[ref.kind ?? '']
  const resource = plural === undefined ? undefined : server.registry.find('', 'v1', plural)
  if (resource === undefined) throw new ApiError('BadRequest', `cannot bind token for serviceaccount ${JSON.stringify(info.name)} to object of type ${ref.kind ?? ''}`)
  const object = server.storage.find(resource, { namespace: info.namespace, name: ref.name ?? '' })
  if (object === undefined) throw notFound(resource, ref.name ?? '')
  if (ref.uid !== undefined && ref.uid !== '' && ref.uid !== object.metadata.uid) {
    throw new ApiError('Conflict', `Operation cannot be fulfilled on ${resource.kind.plural} ${JSON.stringify(ref.name)}: the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`)
  }
  const self = { name: ref.name ?? '', uid: object.metadata.uid ?? '' }
  if (ref.kind !== 'Pod') return ref.kind === 'Secret' ? { secret: self } : { node: self }
  const account = fieldAt(object, ['spec', 'serviceAccountName'])
  if (account !== info.name) throw new ApiError('BadRequest', `cannot bind token for serviceaccount ${JSON.stringify(info.name)} to pod running with different serviceaccount name.`)
  const nodeName = fieldAt(object, ['spec', 'nodeName'])
  const nodes = server.registry.find('', 'v1', 'nodes')
  const node = typeof nodeName === 'string' && nodes !== undefined ? server.storage.find(nodes, { name: nodeName }) : undefined
  return { pod: self, ...(node === undefined ? {} : { node: { name: String(nodeName), uid: node.metadata.uid ?? '' } }) }
}
