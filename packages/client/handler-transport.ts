import { localRequest, type Handler, type Peer } from '@idp/http'

/** Carries one request to a server; rejects only when there is no answer at all. */
export type Transport = (path: string, init: RequestInit) => Promise<Response>

/** A transport that calls a Handler in this process. `peer` is who the server sees. */
export function handlerTransport(handler: Handler, peer: Peer = { address: '127.0.0.1' }): Transport {
  return async (path, init) => handler(requestTo(`http://in-process${path}`, init), peer)
}

/** Bodies that are streams or forms need the web's own Request. */
function requestTo(url: string, { method, headers, body, signal, ...rest }: RequestInit): Request {
  if (Object.keys(rest).length > 0 || !(body === undefined || body === null || typeof body === 'string')) return new Request(url, { method, headers, body, signal, ...rest } as RequestInit)
  return localRequest(url, {
    ...(method === undefined ? {} : { method: method.toUpperCase() }),
    headers: headers instanceof Headers ? headers : new Headers(headers),
    ...(typeof body === 'string' ? { body } : {}),
    ...(signal === undefined || signal === null ? {} : { signal }),
  })
}
