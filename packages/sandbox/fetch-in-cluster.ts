import type { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { fetchOver, isReady, localRequest, type Peer } from '@idp/http'
import { CodedError } from '@idp/kit'
import type { Dialled } from './dialer.ts'
import { pastFilters, throughFilters, unreadable } from './filtering-proxy.ts'
import type { OpenPort } from './listeners.ts'
import type { FetchOptions } from './net.ts'
import type { Endpoint } from './network-policy.ts'
import { connectTls } from './tls-connection.ts'
import type { VerifyOptions } from './verify-certificate.ts'

export interface FetchWorld {
  readonly source: Endpoint
  readonly now: number
  ca(): string
  verify(chainPem: string, options: VerifyOptions): X509Certificate
  dial(host: string, port: number): Dialled | Promise<Dialled>
  connect(dialled: Dialled): Duplex
}

const redirects = new Set([301, 302, 303, 307, 308])
const mostRedirects = 20
const withoutBody = new Set([101, 204, 205, 304])

/** `fetch` inside the cluster: web servers are called as functions, raw listeners over a connection in memory, names outside over sockets. */
export async function fetchInCluster(input: string | URL, options: FetchOptions = {}, world: FetchWorld): Promise<Response> {
  let url = new URL(input)
  let init = options
  for (let followed = 0; ; followed++) {
    const response = await once(url, init, world)
    const location = redirects.has(response.status) ? response.headers.get('location') : null
    if (location === null || init.redirect === 'manual') return response
    if (init.redirect === 'error' || followed >= mostRedirects) throw new CodedError({ code: 'TooManyRedirects', message: 'the server redirects too often or redirects were not wanted', where: url.href })
    await response.body?.cancel()
    const next = new URL(location, url)
    init = redirected(init, response.status, next.origin === url.origin)
    url = next
  }
}

function redirected(init: FetchOptions, status: number, sameOrigin: boolean): FetchOptions {
  const headers = new Headers(init.headers)
  if (!sameOrigin) for (const secret of ['authorization', 'cookie', 'proxy-authorization']) headers.delete(secret)
  const method = (init.method ?? 'GET').toUpperCase()
  if (!(status === 303 && method !== 'HEAD') && !((status === 301 || status === 302) && method === 'POST')) return { ...init, headers }
  const { body: _dropped, ...rest } = init
  for (const header of ['content-type', 'content-length', 'content-encoding']) headers.delete(header)
  return { ...rest, headers, method: 'GET' }
}

async function once(url: URL, options: FetchOptions, world: FetchWorld): Promise<Response> {
  const https = url.protocol === 'https:'
  if (!https && url.protocol !== 'http:') throw new CodedError({ code: 'UrlInvalid', message: `cannot fetch ${url.protocol} URLs`, where: url.href, remedy: 'use http: or https:' })
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const dialling = world.dial(host, Number(url.port || (https ? 443 : 80)))
  const dialled = dialling instanceof Promise ? await dialling : dialling
  const { filters } = dialled.passage
  if (https && filters.length > 0) throw unreadable(url.origin)
  const aborting = linkedController(options.signal ?? undefined)
  const { ca: _ca, insecure: _insecure, serverName: _name, clientIdentity: _identity, redirect: _ours, signal: _wired, ...init } = options
  const request = requestTo(url, init, aborting.signal)
  const send = (allowed: Request) => sendTo(filters.length === 0 ? dialled : pastFilters(dialled), allowed, { url, host, https, options, world, aborting })
  return filters.length === 0 ? send(request) : throughFilters(filters, request, send)
}

/** A Request as the web makes it; made cheaply where the body is there already. */
function requestTo(url: URL, { method, headers, body, ...rest }: RequestInit, signal: AbortSignal): Request {
  if (Object.keys(rest).length === 0 && (body === undefined || body === null || typeof body === 'string')) {
    return localRequest(url, { ...(method === undefined ? {} : { method: method.toUpperCase() }), headers: new Headers(headers), ...(typeof body === 'string' ? { body } : {}), signal })
  }
  return new Request(url, { ...rest, ...(method === undefined ? {} : { method }), ...(headers === undefined ? {} : { headers }), ...(body === undefined || body === null ? {} : { body, duplex: 'half' }), redirect: 'manual', signal } as RequestInit)
}

interface Sending {
  readonly url: URL
  readonly host: string
  readonly https: boolean
  readonly options: FetchOptions
  readonly world: FetchWorld
  readonly aborting: LinkedController
}

async function sendTo(dialled: Dialled, request: Request, { url, host, https, options, world, aborting }: Sending): Promise<Response> {
  if (dialled.type === 'inside' && dialled.open.type === 'web') {
    const { open } = dialled
    const peer = https ? tlsPeer(open, options.serverName ?? host, options, world) : plainPeer(open, url, world)
    return callServer(open, request, peer, aborting, dialled.passage.hold((why) => aborting.abort(why)))
  }
  const { ca, insecure, clientIdentity } = options
  const raw = world.connect(dialled)
  if (!https) return fetchOver(raw, request)
  const trusted = ca ?? (dialled.type === 'inside' ? world.ca() : undefined)
  const connection = await connectTls(raw, { host: options.serverName ?? host, ...(trusted === undefined ? {} : { ca: trusted }), ...(insecure === undefined ? {} : { insecure }), ...(clientIdentity === undefined ? {} : { clientIdentity }) })
  return fetchOver(connection, request)
}

type WebPort = Extract<OpenPort, { type: 'web' }>

/** The handshake's checks on both sides, on the same certificates, without a byte encrypted: client and server are one process. */
function tlsPeer(open: WebPort, host: string, options: FetchOptions, world: FetchWorld): Peer {
  const { source, now } = world
  if (open.tls === undefined) throw new CodedError({ code: 'TlsHandshakeFailed', message: 'the server answers plain HTTP on this port', where: host, remedy: 'use http: for this port' })
  if (options.insecure !== true) {
    const identity = open.tls.identity(isIP(host) === 0 ? host : undefined)
    world.verify(identity.cert, { ca: options.ca ?? world.ca(), host, now, purpose: 'server' })
  }
  if (options.clientIdentity === undefined || open.tls.clientCa === undefined) return { address: source.ip }
  const leaf = world.verify(options.clientIdentity.cert, { ca: open.tls.clientCa, now, purpose: 'client' })
  return { address: source.ip, certificate: subjectOf(leaf) }
}

function plainPeer(open: WebPort, url: URL, { source }: FetchWorld): Peer {
  if (open.tls !== undefined) throw new CodedError({ code: 'TlsExpected', message: 'the server speaks HTTPS on this port', where: url.origin, remedy: 'use https: for this port' })
  return { address: source.ip }
}

/** Common name and organizations of a subject. */
export function subjectOf(certificate: X509Certificate): NonNullable<Peer['certificate']> {
  const fields = certificate.subject.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const)
  return { commonName: fields.find(([name]) => name === 'CN')?.[1] ?? '', organizations: fields.filter(([name]) => name === 'O').map(([, value]) => value) }
}

interface LinkedController { readonly signal: AbortSignal; abort(reason: unknown): void; release(): void }

/** A controller that follows `signal` until it is released. */
function linkedController(signal: AbortSignal | undefined): LinkedController {
  const controller = new AbortController()
  const onAbort = () => controller.abort(signal?.reason)
  if (signal?.aborted === true) onAbort()
  else signal?.addEventListener('abort', onAbort, { once: true })
  return { signal: controller.signal, abort: (reason) => controller.abort(reason), release: () => signal?.removeEventListener('abort', onAbort) }
}

async function callServer(open: WebPort, request: Request, peer: Peer, aborting: LinkedController, held: Disposable): Promise<Response> {
  const onClosed = () => aborting.abort(open.closed.reason)
  open.closed.addEventListener('abort', onClosed, { once: true })
  const done = () => {
    open.closed.removeEventListener('abort', onClosed)
    aborting.release()
    held[Symbol.dispose]()
  }
  try {
    const response = await orAborted(Promise.resolve(open.server.handler(request, peer)), aborting.signal)
    if (isReady(response) || response.body === null || withoutBody.has(response.status)) {
      done()
      return response
    }
    return new Response(guarded(response.body, aborting.signal, done), { status: response.status, statusText: response.statusText, headers: response.headers })
  } catch (error) {
    done()
    if (aborting.signal.aborted || error instanceof CodedError) throw error
    // A server that throws has no answer: over a wire the caller would see the connection end.
    throw new CodedError({ code: 'ConnectionReset', message: 'the server failed while it handled the request', where: request.url, cause: error })
  }
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** The body as it is, failing when the caller gives up or the server goes away; `done` when it has ended in any way. */
function guarded(body: ReadableStream<Uint8Array>, signal: AbortSignal, done: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  let onAbort = () => {}
  const finish = () => {
    signal.removeEventListener('abort', onAbort)
    done()
  }
  return new ReadableStream<Uint8Array>({
    start(controller) {
      onAbort = () => {
        controller.error(signal.reason)
        void reader.cancel(signal.reason).catch(() => {})
        finish()
      }
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort, { once: true })
    },
    async pull(controller) {
      try {
        const { done: ended, value } = await reader.read()
        if (signal.aborted) return
        if (ended) {
          controller.close()
          finish()
        } else controller.enqueue(value)
      } catch (error) {
        if (!signal.aborted) controller.error(error)
        finish()
      }
    },
    async cancel(reason) {
      finish()
      await reader.cancel(reason)
    },
  }, { highWaterMark: 0 })
}
