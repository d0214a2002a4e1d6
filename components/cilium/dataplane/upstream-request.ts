import type { RequestMatch } from '../engine/request-match.ts'
import type { RouteAction, Target } from '../engine/route-action.ts'
import type { Exchange, ForwardLines } from './exchange.ts'
import { editHeaders, endToEnd, getHeader, removeHeader, setHeader, type HeaderList } from './header-list.ts'
import { rewrittenPath } from './rewrite.ts'
import type { UpstreamRequest } from './upstream.ts'

/** What a backend gets of a request. */
export function upstreamRequest(exchange: Exchange, action: RouteAction, match: RequestMatch, { target, http2 }: { readonly target: Target; readonly http2: boolean }, { random }: { random(): number }): UpstreamRequest {
  const { method, path, query, authority, body, upgrade } = exchange
  const rewrite = target.rewrite ?? action.rewrite
  const lines = http2 || rewrite?.hostname !== undefined || action.request.length > 0 || target.request.length > 0 ? undefined : exchange.forwardLines
  return {
    method, chunked: body.type === 'chunked', hasBody: body.type !== 'none', upgrade,
    target: (rewrite?.path === undefined ? path : rewrittenPath(rewrite.path, match, path)) + query,
    host: rewrite?.hostname ?? authority,
    headers: lines === undefined ? editedFields(exchange, action, { target, http2 }, random) : plainFields(exchange, lines, random),
  }
}

/** The usual case: the client's lines as they came, and the gateway's own. */
function plainFields({ client, scheme }: Exchange, { lines, forwardedFor, hasRequestId }: ForwardLines, random: () => number): string {
  const id = hasRequestId ? '' : `x-request-id: ${requestId(random)}\r\n`
  return `${lines}x-forwarded-for: ${forwardedFor === undefined ? client : `${forwardedFor},${client}`}\r\nx-forwarded-proto: ${scheme}\r\nx-envoy-external-address: ${client}\r\n${id}`
}

function editedFields({ headers, client, scheme, host }: Exchange, action: RouteAction, { target, http2 }: { readonly target: Target; readonly http2: boolean }, random: () => number): HeaderList {
  const fields = endToEnd(headers)
  removeHeader(fields, 'host')
  removeHeader(fields, 'expect')
  removeHeader(fields, 'x-forwarded-client-cert')
  const before = getHeader(fields, 'x-forwarded-for')
  setHeader(fields, 'x-forwarded-for', before === undefined ? client : `${before},${client}`)
  setHeader(fields, 'x-forwarded-proto', scheme)
  setHeader(fields, 'x-envoy-external-address', client)
  if (getHeader(fields, 'x-request-id') === undefined) fields.push('x-request-id', requestId(random))
  if ((target.rewrite ?? action.rewrite)?.hostname !== undefined) setHeader(fields, 'x-forwarded-host', host)
  editHeaders(fields, action.request)
  editHeaders(fields, target.request)
  if (http2) fields.push('te', 'trailers')
  return fields
}

/** All bytes in hexadecimal. */
const hex = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))
let beginning = ''
let counter = 0

/** A random UUID of version 4 (RFC 9562); those of 65,536 requests begin alike, which saves half the work. */
export function requestId(random: () => number): string {
  if (counter === 0) {
    const part = (bits: number): string => Math.floor(random() * 2 ** bits).toString(16).padStart(bits / 4, '0')
    beginning = `${part(32)}-${part(16)}-4${part(12)}-a${part(12)}-`
  }
  counter = (counter + 1) & 0xffff
  const a = random() * 0x1_0000_0000 >>> 0
  return beginning + (hex[a >>> 24] as string) + (hex[a >>> 16 & 0xff] as string) + (hex[a >>> 8 & 0xff] as string) + (hex[a & 0xff] as string) + (hex[counter >>> 8] as string) + (hex[counter & 0xff] as string)
}
