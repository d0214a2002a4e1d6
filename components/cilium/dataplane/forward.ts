import type { Duplex } from 'node:stream'
import { messageOf, type Clock } from '@idp/kit'
import type { HeaderEdit, RouteAction, Target } from '../engine/route-action.ts'
import type { RequestMatch } from '../engine/request-match.ts'
import type { Endpoints } from './endpoints.ts'
import type { Exchange } from './exchange.ts'
import { editHeaders, endToEnd, getHeader, removeHeader, setHeader, type HeaderList } from './header-list.ts'
import type { ResponseHead } from './http1-head.ts'
import { rewrittenPath } from './rewrite.ts'
import type { Http2Pool } from './http2-upstream.ts'
import type { Upstream, UpstreamRequest } from './upstream.ts'
import type { UpstreamPool } from './upstream-pool.ts'

export interface ForwardContext {
  readonly pool: UpstreamPool
  /** For backends that speak HTTP/2. */
  readonly http2: Http2Pool
  readonly endpoints: Endpoints
  readonly clock: Clock
  /** A number in [0, 1). */
  random(): number
  /** Told once for each exchange, when it has ended. */
  done(exchange: Exchange, outcome: ForwardOutcome): void
}

export interface ForwardOutcome {
  readonly status: number
  /** Envoy's response flags: UH no healthy upstream, UF connection failure, UC connection termination, UT timeout, DC client went away, NR no route. */
  readonly flags: string
  readonly upstream: string | undefined
  readonly service: string | undefined
  readonly tries: number
  readonly responseBytes: number
}

/** Methods that may be tried again after an unclear failure (RFC 9110 §9.2.2). */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

/** Sends a request to one of the action's backends and its answer back. */
export function forward(exchange: Exchange, action: RouteAction, match: RequestMatch, responseEdits: readonly HeaderEdit[], context: ForwardContext): void {
  const target = pickTarget(action, context.random())
  new Forwarding(exchange, action, match, target, responseEdits, context).start()
}

/** One of several targets by weight. @param random a number in [0, 1) */
export function pickTarget({ targets, totalWeight }: Pick<RouteAction, 'targets' | 'totalWeight'>, random: number): Target | undefined {
  if (targets.length === 1 && totalWeight > 0) return targets[0]
  let left = random * totalWeight
  for (const target of targets) {
    if (left < target.weight) return target
    left -= target.weight
  }
  return undefined
}

/** One request on its way. A class, since its callbacks share state that lives as long as the request. */
class Forwarding {
  readonly #exchange: Exchange
  readonly #action: RouteAction
  readonly #match: RequestMatch
  readonly #target: Target | undefined
  readonly #responseEdits: readonly HeaderEdit[]
  readonly #context: ForwardContext
  #upstream: Upstream | undefined
  #address: string | undefined
  #request: UpstreamRequest | undefined
  #tries = 0
  #bodySent = false
  #ended = false
  #responded = false
  #bytes = 0
  #status = 0
  #deadline: Disposable | undefined
  #tryDeadline: Disposable | undefined

  constructor(exchange: Exchange, action: RouteAction, match: RequestMatch, target: Target | undefined, responseEdits: readonly HeaderEdit[], context: ForwardContext) {
    this.#exchange = exchange
    this.#action = action
    this.#match = match
    this.#target = target
    this.#responseEdits = responseEdits
    this.#context = context
  }

  start(): void {
    const exchange = this.#exchange
    if (this.#target?.service === undefined) return this.#fail(500, '-', '')
    exchange.onClose = () => {
      this.#upstream?.cancel()
      this.#finish('DC')
    }
    exchange.onDrain = () => this.#upstream?.resume()
    if (this.#action.timeout !== undefined) this.#deadline = this.#context.clock.timer(this.#action.timeout, () => this.#timeOut())
    this.#request = this.#requestFor()
    this.#try()
  }

  #requestFor(): UpstreamRequest {
    const { method, path, query, headers, authority, host, client, scheme, body, upgrade } = this.#exchange
    const { rewrite, request } = this.#action
    const out = endToEnd(headers)
    removeHeader(out, 'host')
    removeHeader(out, 'expect')
    const before = forwardedFor(out)
    setHeader(out, 'x-forwarded-for', before === undefined ? client : `${before},${client}`)
    setHeader(out, 'x-forwarded-proto', scheme)
    setHeader(out, 'x-envoy-external-address', client)
    addRequestId(out, this.#context.random)
    if (rewrite?.hostname !== undefined) setHeader(out, 'x-forwarded-host', host)
    editHeaders(out, request)
    editHeaders(out, this.#target?.request ?? [])
    if (this.#speaksHttp2) out.push('te', 'trailers')
    const target = rewrite?.path === undefined ? path : rewrittenPath(rewrite.path, this.#match, path)
    return { method, target: `${target}${query}`, host: rewrite?.hostname ?? authority, headers: out, chunked: body.type === 'chunked', upgrade }
  }

  get #speaksHttp2(): boolean {
    return this.#action.grpc || this.#target?.service?.appProtocol === 'kubernetes.io/h2c'
  }

  #try(): void {
    const { endpoints, pool, clock } = this.#context
    // start() has seen the service
    const address = this.#target?.service === undefined ? undefined : endpoints.next(this.#target.service)
    if (address === undefined) return this.#fail(503, 'UH', 'no healthy upstream')
    this.#address = address
    this.#tries++
    if (this.#action.tryTimeout !== undefined) this.#tryDeadline = clock.timer(this.#action.tryTimeout, () => this.#timeOut())
    const idle = this.#speaksHttp2 ? undefined : pool.take(address)
    if (idle !== undefined) return this.#send(idle)
    const opening: Promise<Upstream> = this.#speaksHttp2 ? this.#context.http2.open(address) : pool.open(address)
    opening.then((connection) => {
      if (this.#ended) connection.cancel()
      else this.#send(connection)
    }, (error: unknown) => this.#retryOr(() => this.#fail(503, 'UF', `upstream connect error or disconnect/reset before headers. reset reason: connection failure (${messageOf(error)})`)))
  }

  #send(upstream: Upstream): void {
    const request = this.#request
    if (request === undefined) return // start() has made it
    this.#upstream = upstream
    const reused = upstream.uses > 0
    const exchange = this.#exchange
    const hasBody = exchange.body.type !== 'none'
    upstream.begin(request, {
      head: (head) => this.#onHead(head),
      data: (content) => {
        this.#bytes += content.length
        return exchange.write(content)
      },
      end: (trailers) => {
        exchange.end(trailers)
        this.#finish('')
      },
      failed: (reason, responded) => {
        this.#upstream = undefined
        // A connection that the backend closed while it was idle says nothing about the request.
        if (reused && !responded && !this.#bodySent && idempotent.has(exchange.method)) {
          this.#tries--
          return this.#try()
        }
        this.#retryOr(() => this.#fail(503, 'UC', `upstream connect error or disconnect/reset before headers. reset reason: connection termination (${reason})`))
      },
      switched: (head, socket, rest) => this.#onSwitched(head, socket, rest),
      drain: () => exchange.resumeBody(),
    })
    if (!hasBody || this.#bodySent) return upstream.finish()
    this.#bodySent = true
    exchange.readBody({ data: (content) => this.#upstream?.write(content) ?? true, end: () => this.#upstream?.finish() })
  }

  #onHead(head: ResponseHead): void {
    const { retry } = this.#action
    if (retry?.codes.has(head.status) === true && this.#mayRetry()) {
      this.#upstream?.cancel()
      return this.#again()
    }
    this.#tryDeadline?.[Symbol.dispose]()
    this.#responded = true
    this.#status = head.status
    const headers = endToEnd(head.headers)
    this.#editResponse(headers)
    this.#exchange.trailers = this.#speaksHttp2
    this.#exchange.respond(head.status, headers, head.framing)
  }

  #editResponse(headers: HeaderList): void {
    setHeader(headers, 'server', 'envoy')
    editHeaders(headers, this.#target?.response ?? [])
    editHeaders(headers, this.#action.response)
    editHeaders(headers, this.#responseEdits)
  }

  #onSwitched(head: ResponseHead, socket: Duplex, rest: Buffer): void {
    const exchange = this.#exchange
    this.#clearTimers()
    if (exchange.upgrade === undefined) {
      socket.destroy()
      return this.#fail(502, 'UPE', 'the backend switched protocols without being asked')
    }
    const headers = endToEnd(head.headers)
    this.#editResponse(headers)
    headers.push('connection', 'Upgrade', 'upgrade', exchange.upgrade)
    exchange.onClose = undefined
    const client = exchange.switchProtocols(headers)
    this.#status = 101
    splice(client.socket, socket, () => this.#finish(''))
    if (rest.length > 0) client.socket.write(rest)
    if (client.head.length > 0) socket.write(client.head)
  }

  #mayRetry(): boolean {
    const { retry } = this.#action
    return retry !== undefined && this.#tries <= retry.attempts && this.#exchange.body.type === 'none' && !this.#ended
  }

  #again(): void {
    this.#tryDeadline?.[Symbol.dispose]()
    this.#upstream = undefined
    this.#context.clock.timer(this.#action.retry?.backoff ?? 25, () => {
      if (!this.#ended) this.#try()
    })
  }

  #retryOr(otherwise: () => void): void {
    if (this.#ended) return
    if (this.#responded) {
      this.#exchange.onClose = undefined
      this.#exchange.abort()
      return this.#finish('UC')
    }
    if (this.#mayRetry()) this.#again()
    else otherwise()
  }

  #timeOut(): void {
    if (this.#ended) return
    this.#upstream?.cancel()
    this.#upstream = undefined
    if (this.#responded) {
      this.#exchange.onClose = undefined
      this.#exchange.abort()
      return this.#finish('UT')
    }
    this.#fail(504, 'UT', 'upstream request timeout')
  }

  /** Answers in place of the backend. */
  #fail(status: number, flags: string, text: string): void {
    if (this.#ended) return
    this.#status = status
    const headers: HeaderList = ['server', 'envoy']
    editHeaders(headers, this.#responseEdits)
    this.#exchange.onClose = undefined
    reply(this.#exchange, status, headers, text)
    this.#finish(flags)
  }

  #finish(flags: string): void {
    if (this.#ended) return
    this.#ended = true
    this.#clearTimers()
    const service = this.#target?.service
    this.#context.done(this.#exchange, { status: this.#status, flags, upstream: this.#address, service: service === undefined ? undefined : `${service.namespace}/${service.name}:${service.port}`, tries: this.#tries, responseBytes: this.#bytes })
  }

  #clearTimers(): void {
    this.#deadline?.[Symbol.dispose]()
    this.#tryDeadline?.[Symbol.dispose]()
  }
}

/** gRPC's codes for answers that a proxy gives (gRPC, HTTP to gRPC status code mapping). */
const grpcStatus: Readonly<Record<number, number>> = { 400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14 }

/** A short answer of the gateway's own; for gRPC clients as a status of theirs. */
export function reply(exchange: Exchange, status: number, headers: HeaderList, text = ''): void {
  if (getHeader(exchange.headers, 'content-type')?.startsWith('application/grpc') === true) {
    exchange.respond(200, [...headers, 'content-type', 'application/grpc', 'grpc-status', String(grpcStatus[status] ?? 2), ...(text === '' ? [] : ['grpc-message', text])], { type: 'none' })
    return exchange.end()
  }
  const body = Buffer.from(text)
  const silent = body.length === 0 || exchange.method === 'HEAD'
  exchange.respond(status, [...headers, ...(text === '' ? [] : ['content-type', 'text/plain']), 'content-length', String(body.length)], silent ? { type: 'none' } : { type: 'length', length: body.length })
  if (!silent) exchange.write(body)
  exchange.end()
}

/** Joins two connections until both have ended. */
export function splice(a: Duplex, b: Duplex, done: () => void): void {
  const close = (): void => {
    a.destroy()
    b.destroy()
  }
  a.on('error', close).on('close', close)
  b.on('error', close).on('close', close).once('close', done)
  a.pipe(b)
  b.pipe(a)
  a.resume()
  b.resume()
}

function forwardedFor(headers: HeaderList): string | undefined {
  for (let i = 0; i < headers.length; i += 2) if (headers[i]?.toLowerCase() === 'x-forwarded-for') return headers[i + 1]
  return undefined
}

function addRequestId(headers: HeaderList, random: () => number): void {
  for (let i = 0; i < headers.length; i += 2) if (headers[i]?.toLowerCase() === 'x-request-id') return
  const part = (): string => Math.floor(random() * 0x1_0000_0000).toString(16).padStart(8, '0')
  const b = part()
  const c = part()
  headers.push('x-request-id', `${part()}-${b.slice(0, 4)}-4${b.slice(5)}-a${c.slice(1, 4)}-${c.slice(4)}${part()}`)
}
