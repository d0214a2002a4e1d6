import type { HeaderList } from './header-list.ts'
import type { Framing } from './http1-head.ts'
import type { RefusedMessage } from './refused-message.ts'
import type { Wire } from './wire.ts'

/** What takes a request's body. */
export interface BodySink {
  /** False: stop until `resumeBody`. The bytes change after the return. */
  data(bytes: Buffer, start: number, end: number): boolean
  end(): void
}

/** Header lines that can go to a backend of HTTP/1.1 as they are, and what was taken out of them. */
export interface ForwardLines {
  readonly lines: string
  readonly forwardedFor: string | undefined
  readonly hasRequestId: boolean
}

/** Header fields of an answer: a list, or lines that go out as they are. */
export type AnswerFields = HeaderList | string

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
  /** Undefined where only the list of headers tells what to forward. */
  readonly forwardLines: ForwardLines | undefined
  readonly body: Framing
  readonly upgrade: string | undefined
  readonly client: string
  /** When it began, in milliseconds, and the route it took; set by the server. */
  startedAt: number
  route: string
  /** Hands over the body from its beginning; called at most once. */
  readBody(sink: BodySink): void
  resumeBody(): void
  /** Sends the head of the answer; `none` for an answer without body. Lines only where `takesLines`. */
  respond(status: number, headers: AnswerFields, body: Framing): void
  readonly takesLines: boolean
  /** What is written until `uncork` goes out together. False: do not uncork. */
  cork(): boolean
  /** False: wait for `clientDrained`, as with `write`. */
  uncork(): boolean
  write(bytes: Buffer, start: number, end: number): boolean
  /** Trailers reach only clients of HTTP/2, and only when `trailers` was set before `respond`. */
  end(trailers?: HeaderList): void
  /** Cuts the answer off so that the client notices. */
  abort(): void
  /** Sends 101 and gives the connection away, with what was read beyond the head; only where `upgrade` is set. */
  switchProtocols(headers: HeaderList): { readonly wire: Wire; readonly head: Buffer | undefined }
  /** Set when the answer may end with trailers. */
  trailers: boolean
  /** Set by whoever answers. */
  observer: ExchangeObserver | undefined
}

/** Whoever answers an exchange. */
export interface ExchangeObserver {
  /** The client takes more of the answer. */
  clientDrained(): void
  /** The client went away before the answer was complete, or its request turned out to be one that is refused; it has been told. */
  clientClosed(refusal?: RefusedMessage): void
}
