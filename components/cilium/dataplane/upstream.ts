import type { Duplex } from 'node:stream'
import type { HeaderList } from './header-list.ts'
import type { ResponseHead } from './http1-head.ts'

/** A request as a backend gets it. */
export interface UpstreamRequest {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly host: string
  /** End-to-end fields, with `content-length` where the length of the body is known. */
  readonly headers: HeaderList
  /** The body's length is not known. */
  readonly chunked: boolean
  readonly upgrade: string | undefined
}

/** What takes a response. Exactly one of `end`, `failed` or `switched` comes last. */
export interface ResponseSink {
  /** The head of the final response. */
  head(head: ResponseHead): void
  /** False: stop until `resume`. */
  data(content: Buffer): boolean
  end(trailers?: HeaderList): void
  /** `responded`: a head or part of one had come. */
  failed(reason: string, responded: boolean): void
  switched(head: ResponseHead, socket: Duplex, rest: Buffer): void
  drain(): void
}

/** Carries one request at a time to a backend, over HTTP/1.1 or as a stream of HTTP/2. */
export interface Upstream {
  /** How many requests it has carried. */
  readonly uses: number
  begin(request: UpstreamRequest, sink: ResponseSink): void
  /** A piece of the body. False: wait for `drain`. */
  write(content: Buffer): boolean
  /** The whole request has been given. */
  finish(): void
  /** Goes on handing out the response. */
  resume(): void
  /** Gives the request up. */
  cancel(): void
}
