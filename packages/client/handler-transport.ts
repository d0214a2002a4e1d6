import type { Handler, Peer } from '@idp/http'

/** Carries one request to a server; rejects only when there is no answer at all. */
export type Transport = (path: string, init: RequestInit) => Promise<Response>

/** A transport that calls a Handler in this process. `peer` is who the server sees. */
export function handlerTransport(handler: Handler, peer: Peer = { address: '127.0.0.1' }): Transport {
  return async (path, init) => handler(new Request(`http://in-process${path}`, init), peer)
}
