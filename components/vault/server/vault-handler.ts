import { respond, type Handler, type Peer } from '@idp/http'
import { uuid } from '@idp/kit'
import { parseDuration } from '../engine/duration.ts'
import { isRecord, parseJson, type Data } from '../engine/fields.ts'
import { handleRequest, type PlainAnswer, type PlainRequest } from '../engine/core/handle-request.ts'
import { asVaultError, type Vault } from '../engine/core/vault.ts'
import { badRequest, unsupportedOperation, VaultError } from '../engine/vault-error.ts'
import { listHeader } from './list-method.ts'
import { createKeyCeremonies, type KeyCeremonies } from './key-ceremonies.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { health, initialize, leader, sealStatus, unseal } from './seal-endpoints.ts'

/** Paths whose bodies are not JSON. */
const rawBodies: ReadonlySet<string> = new Set(['sys/storage/raft/snapshot', 'sys/storage/raft/snapshot-force'])
/** Largest body of a request, upstream's limit. */
const maxBody = 32 << 20

export interface HandlerOptions {
  /** Paths served before and beside the API: the page, metrics. */
  readonly beside?: (request: Request, url: URL) => Response | Promise<Response | undefined> | undefined
  readonly metrics?: Metrics
  /** Metrics need no token. */
  readonly openMetrics?: boolean
}

/** Vault's HTTP API, `/v1/…`. */
export function vaultHandler(vault: Vault, { beside, metrics = createMetrics(vault), openMetrics = false }: HandlerOptions = {}): Handler {
  const ceremonies = createKeyCeremonies(vault)
  return async (request, peer) => {
    const began = vault.options.clock.now()
    const url = new URL(request.url)
    let response: Response
    try {
      const other = await beside?.(request, url)
      response = other ?? (url.pathname.startsWith('/v1/') ? openMetrics && url.pathname === '/v1/sys/metrics' ? metricsAnswer(metrics) : await serve(vault, ceremonies, metrics, request, url, peer) : respond('404 page not found\n', { status: 404 }))
    } catch (error) {
      const { status, errors } = asVaultError(error, vault)
      response = json({ errors }, status)
    }
    metrics.observe(url.pathname, response.status, vault.options.clock.now() - began)
    return response
  }
}

function json(body: object, status = 200): Response {
  return respond(`${JSON.stringify(body)}\n`, { status, headers: { 'content-type': 'application/json', 'cache-control': 'no-store' } })
}

/** The path as the router sees it; ways to climb out of a prefix are refused before any policy looks. */
function pathOf(url: URL): string {
  let path: string
  try {
    path = decodeURIComponent(url.pathname.slice('/v1/'.length))
  } catch {
    throw badRequest('the path is not valid UTF-8')
  }
  if (path.split('/').includes('..')) throw badRequest('path cannot contain parent references')
  if (/[\u0000-\u001f\u007f]/.test(path)) throw badRequest('path cannot contain control characters')
  return path
}

async function bodyOf(request: Request): Promise<Data> {
  if (request.body === null || request.method === 'GET' || request.method === 'HEAD') return {}
  const bytes = await request.arrayBuffer()
  if (bytes.byteLength > maxBody) throw new VaultError(413, 'http: request body too large')
  if (bytes.byteLength === 0) return {}
  const source = Buffer.from(bytes).toString()
  if ((request.headers.get('content-type') ?? '').startsWith('application/x-www-form-urlencoded') && !source.trimStart().startsWith('{')) return Object.fromEntries(new URLSearchParams(source))
  const parsed = parseJson(source)
  if (source.trim() === '' || parsed === null) return {}
  if (!isRecord(parsed)) throw badRequest('failed to parse JSON input: the body is not a JSON object')
  return parsed
}

async function serve(vault: Vault, ceremonies: KeyCeremonies, metrics: Metrics, request: Request, url: URL, peer: Peer): Promise<Response> {
  const path = pathOf(url)
  const namespace = request.headers.get('x-vault-namespace')
  if (namespace !== null && namespace !== '' && namespace !== 'root' && namespace !== '/') throw new VaultError(404, `no handler for route ${JSON.stringify(path)}: namespaces are a feature of Vault Enterprise`)
  const open = await openEndpoint(vault, ceremonies, request, url, path)
  if (open !== undefined) return open
  const active = vault.opened()
  const plain = await plainRequest(vault, request, url, path, peer)
  const answer = await handleRequest(active, plain)
  return path === 'sys/metrics' && answer.status === 200 ? metricsAnswer(metrics) : toResponse(answer, request.method)
}

function metricsAnswer(metrics: Metrics): Response {
  return respond(metrics.text(), { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' } })
}

function toResponse({ status, body, raw }: PlainAnswer, method: string): Response {
  if (raw !== undefined) return respond(raw.body, { status, headers: { 'content-type': raw.type, 'cache-control': 'no-store' } })
  if (body === undefined) return new Response(null, { status, headers: { 'cache-control': 'no-store' } })
  const response = json(body, status)
  return method === 'HEAD' ? new Response(null, { status, headers: response.headers }) : response
}

/** What works while Vault is sealed, and without a token. */
async function openEndpoint(vault: Vault, ceremonies: KeyCeremonies, request: Request, url: URL, path: string): Promise<Response | undefined> {
  const { method } = request
  const writing = method === 'POST' || method === 'PUT'
  const only = (allowed: boolean): void => { if (!allowed) throw unsupportedOperation() }
  switch (path) {
    case 'sys/init':
      only(writing || method === 'GET')
      return json(writing ? await initialize(vault, await bodyOf(request)) : { initialized: vault.keys.config() !== undefined })
    case 'sys/seal-status':
      only(method === 'GET')
      return json(sealStatus(vault))
    case 'sys/unseal':
      only(writing)
      return json(await unseal(vault, await bodyOf(request)))
    case 'sys/leader':
      only(method === 'GET')
      return json(leader(vault))
    case 'sys/health': {
      only(method === 'GET' || method === 'HEAD')
      const { status, body } = health(vault, url.searchParams)
      return method === 'HEAD' || status === 204 ? new Response(null, { status }) : json(body, status)
    }
    default:
      return await ceremony(ceremonies, request, path)
  }
}

/** Rekeying and new root tokens: whoever holds enough shares may, so no token is asked for. */
async function ceremony(ceremonies: KeyCeremonies, request: Request, path: string): Promise<Response | undefined> {
  const writing = request.method === 'POST' || request.method === 'PUT'
  const steps: Readonly<Record<string, { get?: () => object; write?: (data: Data) => object | Promise<object>; cancel?: () => object | void }>> = {
    'sys/rekey/init': { get: () => ceremonies.rekeyStatus(), write: (data) => ceremonies.rekeyStart(data), cancel: () => ceremonies.rekeyCancel() },
    'sys/rekey/update': { write: (data) => ceremonies.rekeyUpdate(data) },
    'sys/rekey/verify': { get: () => ceremonies.verifyStatus(), write: (data) => ceremonies.verifyUpdate(data), cancel: () => ceremonies.verifyRestart() },
    'sys/generate-root/attempt': { get: () => ceremonies.rootStatus(), write: (data) => ceremonies.rootStart(data), cancel: () => ceremonies.rootCancel() },
    'sys/generate-root/update': { write: (data) => ceremonies.rootUpdate(data) },
  }
  const step = Object.hasOwn(steps, path) ? steps[path] : undefined
  if (step === undefined) return undefined
  const run = request.method === 'GET' ? step.get : writing ? step.write : request.method === 'DELETE' ? step.cancel : undefined
  if (run === undefined) throw unsupportedOperation()
  const answer = await run(writing ? await bodyOf(request) : {})
  return answer === undefined ? new Response(null, { status: 204 }) : json(answer)
}

async function plainRequest(vault: Vault, request: Request, url: URL, path: string, peer: Peer): Promise<PlainRequest> {
  const { headers } = request
  const query = Object.fromEntries([...url.searchParams].filter(([name]) => name !== 'list'))
  const method = headers.has(listHeader) ? 'list' : methodOf(request.method, url)
  const wrap = headers.get('x-vault-wrap-ttl')
  const bearer = /^Bearer (.+)$/i.exec(headers.get('authorization') ?? '')?.[1]
  const raw = rawBodies.has(path)
  const data = raw ? query : method === 'read' || method === 'list' || method === 'delete' ? { ...query, ...await bodyOf(request) } : await bodyOf(request)
  const wrapTtl = wrap === null || wrap === '' ? 0 : parseDuration(wrap)
  if (wrapTtl < 0) throw badRequest('requested wrap ttl cannot be negative')
  return {
    id: uuid(vault.options.random), method, path: plainPath(path, method), data, token: headers.get('x-vault-token') ?? bearer ?? '', headers, remoteAddress: peer.address, ...(peer.certificatePem === undefined ? {} : { certificatePem: peer.certificatePem }),
    ...(wrapTtl === 0 ? {} : { wrapTtl }), ...(raw && method === 'write' ? { bytes: new Uint8Array(await request.arrayBuffer()) } : {}),
  }
}

/** One spelling of each path, so that a rule for `a/b` is not passed by as `a/b/`. */
function plainPath(path: string, method: PlainRequest['method']): string {
  const bare = path.replace(/\/+$/, '')
  return method === 'list' ? `${bare}/` : bare
}

function methodOf(method: string, url: URL): PlainRequest['method'] {
  switch (method) {
    case 'GET': case 'HEAD': return /^(1|t|true)$/i.test(url.searchParams.get('list') ?? '') ? 'list' : 'read'
    case 'LIST': return 'list'
    case 'POST': case 'PUT': return 'write'
    case 'PATCH': return 'patch'
    case 'DELETE': return 'delete'
    default: throw unsupportedOperation()
  }
}
