import { messageOf, type Clock } from '@idp/kit'
import type { HeaderEdit, Redirect, RouteAction, Target } from '../engine/route-action.ts'
import type { RequestMatch } from '../engine/request-match.ts'
import type { Endpoints } from './endpoints.ts'
import type { AnswerFields, BodySink, Exchange, ExchangeObserver } from './exchange.ts'
import { editHeaders, endToEnd, setHeader, type HeaderList } from './header-list.ts'
import { refusalFlag, type RefusedMessage } from './refused-message.ts'
import { reply } from './reply.ts'
import { redirectLocation } from './rewrite.ts'
import { splice } from './splice.ts'
import { upstreamRequest } from './upstream-request.ts'
import type { Http2Pool } from './http2-upstream.ts'
import type { ResponseSink, Upstream, UpstreamHead, UpstreamRequest } from './upstream.ts'
import type { UpstreamPool } from './upstream-pool.ts'
import type { Wire } from './wire.ts'

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
  /** Envoy's response flags: UH no healthy upstream, UF connection failure, UC connection termination, UT timeout, DC client went away, DPE the client broke the protocol, SI the client was too slow, NR no route. */
  readonly flags: string
  readonly upstream: string | undefined
  readonly service: Target['service']
  readonly tries: number
  readonly responseBytes: number
}

/** Methods that may be tried again after an unclear failure (RFC 9110 §9.2.2). */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

/** Sends a request to one of the action's backends and its answer back. */
export function forward(exchange: Exchange, action: RouteAction, match: RequestMatch, responseEdits: readonly HeaderEdit[], context: ForwardContext): void {
  const target = pickTarget(action, context)
  new Forwarding(exchange, action, match, target, responseEdits, context).start()
}

/** One of several targets by weight. */
export function pickTarget({ targets, totalWeight }: Pick<RouteAction, 'targets' | 'totalWeight'>, { random }: Pick<ForwardContext, 'random'>): Target | undefined {
  if (targets.length === 1 && totalWeight > 0) return targets[0]
  let left = random() * totalWeight
  for (const target of targets) {
    if (left < target.weight) return target
    left -= target.weight
  }
  return undefined
}

/** One request on its way. A class, since its callbacks share state that lives as long as the request; it is its own sink to save their making. */
class Forwarding implements ResponseSink, BodySink, ExchangeObserver {
  readonly #exchange: Exchange
  readonly #action: RouteAction
  readonly #match: RequestMatch
  readonly #target: Target | undefined
  readonly #responseEdits: readonly HeaderEdit[]
  readonly #context: ForwardContext
  #upstream: Upstream | undefined
  #reused = false
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
    const target = this.#target
    if (target?.redirect !== undefined) return this.#redirect(target.redirect)
    if (target?.service === undefined) return this.#fail(500, '-', '')
    this.#exchange.observer = this
    if (this.#action.timeout !== undefined) this.#deadline = this.#context.clock.timer(this.#action.timeout, () => this.#timeOut())
    this.#request = upstreamRequest(this.#exchange, this.#action, this.#match, { target, http2: this.#speaksHttp2 }, this.#context)
    this.#try()
  }

  #redirect(redirect: Redirect): void {
    const headers: HeaderList = ['server', 'envoy', 'location', redirectLocation(redirect, this.#match, this.#exchange)]
    this.#editResponse(headers)
    this.#status = redirect.status
    reply(this.#exchange, redirect.status, headers)
    this.#finish('-')
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
    if (this.#action.tryTimeout !== undefined) this.#tryDeadline = clock.timer(this.#action.tryTimeout, () => this.#tryTimedOut())
    const http2 = this.#speaksHttp2
    const idle = http2 ? undefined : pool.take(address)
    if (idle !== undefined) return this.#send(idle)
    const opening: Promise<Upstream> = http2 ? this.#context.http2.open(address) : pool.open(address)
    const mine = this.#tries
    opening.then((connection) => {
      if (this.#ended || this.#tries !== mine) connection.cancel()
      else this.#send(connection)
    }, (error: unknown) => this.#tries === mine && this.#retryOr(() => this.#fail(503, 'UF', `upstream connect error or disconnect/reset before headers. reset reason: connection failure (${messageOf(error)})`)))
  }

  #send(upstream: Upstream): void {
    const request = this.#request
    if (request === undefined) return // start() has made it
    this.#upstream = upstream
    this.#reused = upstream.uses > 0
    upstream.begin(request, this)
    if (!request.hasBody || this.#bodySent) return upstream.finish()
    this.#bodySent = true
    this.#exchange.readBody(this)
    this.#upstream?.flush()
  }

  data(bytes: Buffer, start: number, end: number): boolean {
    return this.#upstream?.write(bytes, start, end) ?? true
  }

  end(): void {
    this.#upstream?.finish()
  }

  clientDrained(): void {
    this.#upstream?.resume()
  }

  clientClosed(refusal?: RefusedMessage): void {
    this.#upstream?.cancel()
    if (refusal !== undefined && !this.#responded) this.#status = refusal.status
    this.#finish(refusal === undefined ? 'DC' : refusalFlag(refusal.status))
  }

  requestDrained(): void {
    this.#exchange.resumeBody()
  }

  cork(): boolean {
    return this.#exchange.cork()
  }

  uncork(): boolean {
    return this.#exchange.uncork()
  }

  responseData(bytes: Buffer, start: number, end: number): boolean {
    this.#bytes += end - start
    return this.#exchange.write(bytes, start, end)
  }

  responseEnd(trailers?: HeaderList): void {
    this.#exchange.end(trailers)
    this.#finish('')
  }

  responseFailed(reason: string, responded: boolean): void {
    this.#upstream = undefined
    // A connection that the backend closed while it was idle says nothing about the request.
    if (this.#reused && !responded && !this.#bodySent && idempotent.has(this.#exchange.method)) {
      this.#tries--
      return this.#try()
    }
    this.#retryOr(() => this.#fail(503, 'UC', `upstream connect error or disconnect/reset before headers. reset reason: connection termination (${reason})`))
  }

  responseHead(head: UpstreamHead): void {
    const { retry } = this.#action
    if (retry?.codes.has(head.status) === true && this.#mayRetry()) {
      this.#upstream?.cancel()
      return this.#again()
    }
    this.#tryDeadline?.[Symbol.dispose]()
    this.#responded = true
    this.#status = head.status
    this.#exchange.trailers = this.#speaksHttp2
    this.#exchange.respond(head.status, this.#answerFields(head), head.framing)
  }

  #answerFields(head: UpstreamHead): AnswerFields {
    if (head.endToEnd !== undefined && this.#exchange.takesLines && this.#action.response.length === 0 && this.#responseEdits.length === 0 && this.#target?.response.length === 0) return `${head.endToEnd}server: envoy\r\n`
    const headers = endToEnd(head.list())
    this.#editResponse(headers)
    return headers
  }

  #editResponse(headers: HeaderList): void {
    setHeader(headers, 'server', 'envoy')
    editHeaders(headers, this.#target?.response ?? [])
    editHeaders(headers, this.#action.response)
    editHeaders(headers, this.#responseEdits)
  }

  responseSwitched(answer: HeaderList, wire: Wire, rest: Buffer | undefined): void {
    const exchange = this.#exchange
    this.#clearTimers()
    if (exchange.upgrade === undefined) {
      wire.destroy()
      return this.#fail(502, 'UPE', 'the backend switched protocols without being asked')
    }
    const headers = endToEnd(answer)
    this.#editResponse(headers)
    headers.push('connection', 'Upgrade', 'upgrade', exchange.upgrade)
    const client = exchange.switchProtocols(headers)
    this.#status = 101
    splice({ wire: client.wire, rest: client.head }, { wire, rest }, (bytes) => {
      this.#bytes = bytes
      this.#finish('')
    })
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
    if (this.#responded) return this.#cutOff('UC')
    if (this.#mayRetry()) this.#again()
    else otherwise()
  }

  /** One try has taken too long (Gateway API, HTTPRouteTimeouts.backendRequest): another may do better. */
  #tryTimedOut(): void {
    if (this.#responded || !this.#mayRetry()) return this.#timeOut()
    this.#upstream?.cancel()
    this.#again()
  }

  #timeOut(): void {
    if (this.#ended) return
    this.#upstream?.cancel()
    this.#upstream = undefined
    if (this.#responded) this.#cutOff('UT')
    else this.#fail(504, 'UT', 'upstream request timeout')
  }

  #cutOff(flags: string): void {
    this.#exchange.observer = undefined
    this.#exchange.abort()
    this.#finish(flags)
  }

  /** Answers in place of the backend. */
  #fail(status: number, flags: string, text: string): void {
    if (this.#ended) return
    this.#status = status
    const headers: HeaderList = ['server', 'envoy']
    editHeaders(headers, this.#responseEdits)
    this.#exchange.observer = undefined
    reply(this.#exchange, status, headers, text)
    this.#finish(flags)
  }

  #finish(flags: string): void {
    if (this.#ended) return
    this.#ended = true
    this.#clearTimers()
    this.#context.done(this.#exchange, { status: this.#status, flags, upstream: this.#address, service: this.#target?.service, tries: this.#tries, responseBytes: this.#bytes })
  }

  #clearTimers(): void {
    this.#deadline?.[Symbol.dispose]()
    this.#tryDeadline?.[Symbol.dispose]()
  }
}
