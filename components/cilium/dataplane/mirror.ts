import type { ServicePort } from '../engine/backends.ts'
import type { BodySink, Exchange } from './exchange.ts'
import { endToEnd, removeHeader, setHeader } from './header-list.ts'
import type { Endpoints } from './endpoints.ts'
import type { UpstreamConnection } from './upstream-connection.ts'
import type { ResponseSink } from './upstream.ts'
import type { UpstreamPool } from './upstream-pool.ts'

/** A copy of a body is given up when it grows beyond this; the request itself goes on. */
const MAX_COPY = 1 << 20

/** Sends copies of a request; their answers are thrown away. Returns the exchange to go on with, whose body feeds the copies too. */
export function mirrored(exchange: Exchange, services: readonly ServicePort[], { pool, endpoints }: { readonly pool: UpstreamPool; readonly endpoints: Endpoints }): Exchange {
  const copies: Copy[] = []
  for (const service of services) {
    const address = endpoints.next(service)
    if (address === undefined) continue
    const copy = new Copy(exchange)
    copies.push(copy)
    const idle = pool.take(address)
    if (idle !== undefined) copy.connected(idle)
    else pool.open(address).then((connection) => copy.connected(connection), () => copy.end()) // a mirror that cannot be reached is no failure of the request
  }
  if (exchange.body.type === 'none' || copies.length === 0) {
    for (const copy of copies) copy.end()
    return exchange
  }
  // The same object with another readBody: everything else goes to the original.
  return new Proxy(exchange, {
    get(target, property) {
      if (property === 'readBody') return (sink: BodySink) => target.readBody({
        data(bytes, start, end) {
          const content = Buffer.from(bytes.subarray(start, end)) // copies may have to wait; the original does not
          for (const copy of copies) copy.data(content)
          return sink.data(bytes, start, end)
        },
        end() {
          for (const copy of copies) copy.end()
          sink.end()
        },
      })
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
    set: (target, property, value) => Reflect.set(target, property, value, target),
  })
}

/** Copies' answers are not looked at. */
const nobody: ResponseSink = { responseHead() {}, responseData: () => true, responseEnd() {}, responseFailed() {}, responseSwitched: (_headers, wire) => wire.destroy(), requestDrained() {}, cork: () => false, uncork: () => true }

class Copy {
  readonly #exchange: Exchange
  #connection: UpstreamConnection | undefined
  #waiting: Buffer[] = []
  #size = 0
  #ended = false
  #lost = false

  constructor(exchange: Exchange) {
    this.#exchange = exchange
  }

  connected(connection: UpstreamConnection): void {
    if (this.#lost) return connection.cancel()
    this.#connection = connection
    const { method, path, query, headers, authority, host, body, client } = this.#exchange
    const out = endToEnd(headers)
    removeHeader(out, 'host')
    removeHeader(out, 'expect')
    setHeader(out, 'x-forwarded-for', client)
    // Envoy marks copies by their host.
    const marked = authority.replace(host, `${host}-shadow`)
    connection.begin({ method, target: `${path}${query}`, host: marked, headers: out, chunked: body.type === 'chunked', hasBody: body.type !== 'none', upgrade: undefined }, nobody)
    for (const content of this.#waiting) connection.write(content, 0, content.length)
    this.#waiting = []
    if (this.#ended) this.#finish()
  }

  data(content: Buffer): void {
    this.#size += content.length
    if (this.#size > MAX_COPY) {
      this.#lost = true
      this.#waiting = []
      this.#connection?.cancel()
    } else if (this.#connection === undefined) this.#waiting.push(content)
    else this.#connection.write(content, 0, content.length)
  }

  end(): void {
    this.#ended = true
    if (this.#connection !== undefined && !this.#lost) this.#finish()
  }

  #finish(): void {
    this.#connection?.finish()
  }
}
