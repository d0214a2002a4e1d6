import type { Answer, BackendRequest, CompiledRoute, Route } from '../backend.ts'
import type { Data } from '../fields.ts'
import type { Operation } from '../policy/acl.ts'
import { isRoot, type TokenEntry } from '../token/token-entry.ts'
import { invalidToken, missingToken, noRoute, notFound, permissionDenied, unsupportedOperation, unsupportedPath, VaultError } from '../vault-error.ts'
import { envelope, type Active } from './active.ts'
import { isWrappingToken } from './wrapping.ts'
import { addressAllowed } from './bound-addresses.ts'
import type { Mounted } from './mounts.ts'

/** A request without its HTTP clothes. */
export interface PlainRequest {
  readonly id: string
  readonly method: 'read' | 'list' | 'write' | 'patch' | 'delete'
  /** Without `/v1/`. */
  readonly path: string
  readonly data: Data
  readonly token: string
  readonly headers: Headers
  readonly remoteAddress: string
  /** As `Peer.certificatePem` of `@idp/http`. */
  readonly certificatePem?: string
  /** Seconds; answer behind a wrapping token. */
  readonly wrapTtl?: number
  /** Bytes of a body that is not JSON. */
  readonly bytes?: Uint8Array
}

export interface PlainAnswer { readonly status: number; readonly body?: object; readonly raw?: { readonly type: string; readonly body: string | Uint8Array } }

interface Located { readonly mounted: Mounted; readonly route: Route; readonly params: Record<string, string>; readonly path: string }

/** Who asks, and whether they may; then the backend; then leases, tokens and wrapping of its answer; audit around it. */
export async function handleRequest(active: Active, request: PlainRequest): Promise<PlainAnswer> {
  const located = locate(active, request)
  const token = identify(active, request, located)
  const base: BackendRequest = {
    id: request.id, operation: operationOf(request), path: located?.path ?? request.path, mount: located?.mounted.fullPath ?? '', data: request.data, params: located?.params ?? {},
    headers: request.headers, remoteAddress: request.remoteAddress, ...(request.certificatePem === undefined ? {} : { certificatePem: request.certificatePem }), ...(request.wrapTtl === undefined ? {} : { wrapTtl: request.wrapTtl }), ...(request.bytes === undefined ? {} : { bytes: request.bytes }), ...(token === undefined ? {} : { token, acl: active.aclOf(token) }),
  }
  const operation: Operation = request.method === 'write' && located?.route.exists !== undefined && !located.route.exists(base) ? 'create' : base.operation
  const call: BackendRequest = { ...base, operation }
  const audited = { request: auditedRequest(request, operation, located), auth: token === undefined ? {} : { client_token: token.id, accessor: token.accessor, display_name: token.displayName, policies: token.policies, token_policies: token.policies, entity_id: token.entityId, token_type: token.type } }
  const now = (): number => active.clock.now()
  await active.audit.write({ type: 'request', time: now(), ...audited })
  try {
    authorize(active, call, request, located)
    if (located === undefined) throw request.path.startsWith('sys/') || active.mounts.route(request.path) !== undefined ? unsupportedPath() : noRoute(request.path)
    const handle = located.route[request.method]
    if (handle === undefined) throw unsupportedOperation()
    const answer = finish(active, call, request, located, await handle(call))
    if (token !== undefined) countUse(active, token)
    await active.barrier.flush()
    active.events.deliver()
    await active.audit.write({ type: 'response', time: now(), ...audited, response: answer.body === undefined ? {} : { ...answer.body } })
    return answer
  } catch (error) {
    if (token !== undefined) countUse(active, token)
    await active.barrier.flush()
    await active.audit.write({ type: 'response', time: now(), ...audited, error: error instanceof VaultError ? error.message : 'internal error' })
    throw error
  }
}

const operationOf = ({ method }: PlainRequest): Operation => (method === 'write' ? 'update' : method)

function locate(active: Active, request: PlainRequest): Located | undefined {
  const found = active.mounts.route(request.path)
  if (found === undefined) return undefined
  const hit = matchRoute(found.mounted.routes, found.rest, request.method)
  return hit === undefined ? undefined : { mounted: found.mounted, route: hit.route, params: hit.params, path: found.rest }
}

/** The first route that fits the path and serves the method; else the first that fits the path. */
function matchRoute(routes: readonly CompiledRoute[], path: string, method: PlainRequest['method']): { route: Route; params: Record<string, string> } | undefined {
  let fallback: { route: Route; params: Record<string, string> } | undefined
  for (const { route, names, pattern } of routes) {
    const match = pattern.exec(path)
    if (match === null) continue
    const params = Object.fromEntries(names.map((name, i) => [name, match[i + 1] ?? '']))
    if (route[method] !== undefined) return { route, params }
    fallback ??= { route, params }
  }
  return fallback
}

/** The caller's token. Paths without authentication are served with any, or none. */
function identify(active: Active, request: PlainRequest, located: Located | undefined): TokenEntry | undefined {
  const token = request.token === '' ? undefined : active.tokens.find(request.token)
  if (located?.route.open === true) return token
  if (request.token === '') throw missingToken()
  if (token === undefined || token.numUses < 0) throw invalidToken()
  if (isWrappingToken(token) && request.path !== 'cubbyhole/response') throw permissionDenied()
  if (!addressAllowed(token.boundCidrs, request.remoteAddress)) throw permissionDenied()
  if (token.entityId !== '' && active.identity.entities.get(token.entityId)?.disabled === true) throw permissionDenied()
  return token
}

function authorize(active: Active, call: BackendRequest, request: PlainRequest, located: Located | undefined): void {
  if (located?.route.open === true) return
  const { acl, token } = call
  if (acl === undefined || token === undefined) throw invalidToken()
  if (!acl.allows(call.operation, request.path, request.data, request.wrapTtl)) throw permissionDenied()
  if (located?.route.sudo === true && !isRoot(token) && !acl.sudo(request.path)) throw permissionDenied()
}

/** A token with a limited number of uses dies with its last one. */
function countUse(active: Active, token: TokenEntry): void {
  if (token.numUses === 0 || token.type === 'batch') return
  const current = active.tokens.byHash(active.tokens.hash(token.id))
  if (current === undefined) return
  if (current.numUses <= 1) active.tokens.revoke(current)
  else active.tokens.update({ ...current, numUses: current.numUses - 1 })
}

function finish(active: Active, call: BackendRequest, request: PlainRequest, { mounted }: Located, given: Answer | undefined): PlainAnswer {
  if (given === undefined) {
    if (request.method === 'read' || request.method === 'list') throw notFound()
    return { status: 204 }
  }
  if (given.raw !== undefined) return { status: given.status ?? 200, raw: given.raw }
  if (given.body !== undefined) return { status: given.status ?? 200, body: given.body }
  if (request.method === 'list' && isEmptyList(given)) throw notFound()
  if (given.status === 404 && given.data === undefined && given.warnings === undefined) throw notFound()
  let answer = given
  if (given.login !== undefined) {
    const { auth, warnings } = active.login(given.login, mounted.entry, request.path)
    answer = { ...given, auth, warnings: [...(given.warnings ?? []), ...warnings] }
  }
  if (given.lease !== undefined && call.token !== undefined) {
    const { ttl, maxTtl, renewable, internal } = given.lease
    const lease = active.leases.register({ mount: mounted.fullPath, token: active.tokens.hash(call.token.id), internal, ttl, maxTtl, renewable }, request.path.replace(/\/$/, ''))
    answer = { ...answer, leased: { id: lease.id, ttl, renewable } }
  }
  const mountType = mounted.entry.type
  const full = envelope(request.id, answer, mountType)
  if (request.wrapTtl !== undefined && answer.wrapInfo === undefined && (given.status ?? 200) < 400) {
    const info = active.wrapping.wrap(full, request.wrapTtl, request.path, answer.auth?.accessor)
    return { status: 200, body: envelope(request.id, { wrapInfo: info }, mountType) }
  }
  const top = answer.data !== undefined && /^sys\/(audit|audit-hash|auth|capabilities|capabilities-accessor|capabilities-self|config\/|key-status|mounts|policy|rekey|remount$|rotate|wrapping\/wrap)/.test(request.path)
  return { status: given.status ?? 200, body: top ? { ...answer.data, ...full } : full }
}

function isEmptyList({ data }: Answer): boolean {
  const keys = (data as { readonly keys?: unknown } | undefined)?.keys
  return Array.isArray(keys) && keys.length === 0
}

function auditedRequest(request: PlainRequest, operation: Operation, located: Located | undefined): Record<string, unknown> {
  return { id: request.id, client_token: request.token, operation, path: request.path, mount_type: located?.mounted.entry.type ?? '', mount_point: located?.mounted.fullPath ?? '', mount_accessor: located?.mounted.entry.accessor ?? '', namespace: { id: 'root' }, data: request.data, remote_address: request.remoteAddress }
}
