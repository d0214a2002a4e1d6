import type { HeaderList } from './header-list.ts'
import type { Framing } from './http1-head.ts'
import type { Wire } from './wire.ts'

/** A request as a backend gets it. */
export interface UpstreamRequest {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly host: string
  /** End-to-end fields, with `content-length` where the length of the body is known; lines only for backends of HTTP/1.1. */
  readonly headers: HeaderList | string
  /** The body's length is not known. */
  readonly chunked: boolean
  readonly hasBody: boolean
  readonly upgrade: string | undefined
}

/** The head of a final answer. */
export interface UpstreamHead {
  readonly status: number
  readonly framing: Framing
  /** End-to-end lines as they came, without `server`; undefined when only the list tells. */
  readonly endToEnd: string | undefined
  /** All fields. */
  list(): HeaderList
}

/** What takes a response. Exactly one of `responseEnd`, `responseFailed` or `responseSwitched` comes last. */
export interface ResponseSink {
  responseHead(head: UpstreamHead): void
  /** False: stop until `resume`. The bytes change after the return. */
  responseData(bytes: Buffer, start: number, end: number): boolean
  responseEnd(trailers?: HeaderList): void
  /** `responded`: a head or part of one had come. */
  responseFailed(reason: string, responded: boolean): void
  /** The backend switched protocols; its connection comes along, with what was read beyond the head. */
  responseSwitched(headers: HeaderList, wire: Wire, rest: Buffer | undefined): void
  /** The backend takes more of the request. */
  requestDrained(): void
  /** Before what one read brings, so that it goes on in one write. False: do not uncork. */
  cork(): boolean
  /** After it. False: stop until `resume`. */
  uncork(): boolean
}

/** Carries one request at a time to a backend, over HTTP/1.1 or as a stream of HTTP/2. */
export interface Upstream {
  /** How many requests it has carried. */
  readonly uses: number
  begin(request: UpstreamRequest, sink: ResponseSink): void
  /** A piece of the body, which may change after the return. False: wait for `requestDrained`. */
  write(bytes: Buffer, start: number, end: number): boolean
  /** The whole request has been given. */
  finish(): void
  /** Sends what is held back. */
  flush(): void
  /** Goes on handing out the response. */
  resume(): void
  /** Gives the request up. */
  cancel(): void
}
