import type { Duplex } from 'node:stream'
import type { HeaderList } from './header-list.ts'
import type { Framing } from './http1-head.ts'

/** What takes a request's body. */
export interface BodySink {
  /** False: stop until `resumeBody`. */
  data(content: Buffer): boolean
  end(): void
}

/** One request and the way to answer it, the same for HTTP/1.1 and HTTP/2. */
export interface Exchange {
  readonly protocol: 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2'
  readonly method: string
  /** Path without query, dot segments removed; `*` for OPTIONS. */
  readonly path: string
  /** With its `?`, or ''. */
  readonly query: string
  readonly scheme: 'http' | 'https'
  /** As the client sent it, with port. */
  readonly authority: string
  /** Of the authority: lower case, without port. */
  readonly host: string
  readonly headers: HeaderList
  readonly body: Framing
  readonly upgrade: string | undefined
  readonly client: string
  /** Hands over the body from its beginning; called at most once. */
  readBody(sink: BodySink): void
  resumeBody(): void
  /** Sends the head of the answer; `none` for an answer without body. */
  respond(status: number, headers: HeaderList, body: Framing): void
  /** False: wait for `onDrain`. */
  write(content: Buffer): boolean
  /** Trailers reach only clients of HTTP/2, and only when `trailers` was set before `respond`. */
  end(trailers?: HeaderList): void
  /** Cuts the answer off so that the client notices. */
  abort(): void
  /** Sends 101 and gives the connection away, with what was read beyond the head; only where `upgrade` is set. */
  switchProtocols(headers: HeaderList): { readonly socket: Duplex; readonly head: Buffer }
  /** Set when the answer may end with trailers. */
  trailers: boolean
  /** Set by whoever answers. */
  onDrain: (() => void) | undefined
  /** The client went away before the answer was complete. */
  onClose: (() => void) | undefined
}
