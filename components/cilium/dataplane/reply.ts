import type { Exchange } from './exchange.ts'
import { getHeader, type HeaderList } from './header-list.ts'

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
  const corked = exchange.cork()
  exchange.respond(status, [...headers, ...(text === '' ? [] : ['content-type', 'text/plain']), 'content-length', String(body.length)], silent ? { type: 'none' } : { type: 'length', length: body.length })
  if (!silent) exchange.write(body, 0, body.length)
  exchange.end()
  if (corked) exchange.uncork()
}
