import type { HeaderList } from './header-list.ts'
import { byteClass, scanFields, scanned, uncutLines } from './http1-fields.ts'
import { RefusedMessage } from './refused-message.ts'

/** How the end of a body is known (RFC 9112 §6). */
export type Framing = { readonly type: 'none' } | { readonly type: 'length'; readonly length: number } | { readonly type: 'chunked' } | { readonly type: 'close' }

/** Header lines of a message, as text first: most messages need no list of them. */
export interface HeaderLines {
  /** All lines as they came, each with its CRLF. */
  readonly all: string
  /** Those that go on to the other side as they are; undefined when `Connection` names further ones, which only the list can take out. */
  readonly endToEnd: string | undefined
}

export interface RequestHead extends HeaderLines {
  readonly method: string
  /** As on the wire: origin form, absolute form or `*`. */
  readonly target: string
  /** Where the query begins in a target that needs no normalising, with -1 for none; undefined when it must be looked at. */
  readonly query: number | undefined
  /** Value of `Host` (or the authority of an absolute target). */
  readonly authority: string
  readonly minor: 0 | 1
  readonly framing: Framing
  readonly keepAlive: boolean
  /** Protocol asked for with `Upgrade`. */
  readonly upgrade: string | undefined
  readonly expectContinue: boolean
  readonly forwardedFor: string | undefined
  readonly hasRequestId: boolean
  /** Where the body begins. */
  readonly end: number
}

export interface ResponseHead extends HeaderLines {
  readonly status: number
  readonly framing: Framing
  readonly keepAlive: boolean
  readonly end: number
}

const none: Framing = { type: 'none' }
const chunked: Framing = { type: 'chunked' }
const close: Framing = { type: 'close' }
const TOKEN = 1
const VERSION = ' HTTP/1.1\r\n'

function has(connection: string, option: string): boolean {
  return connection === option || (connection !== '' && connection.split(',').some((part) => part.trim() === option))
}

/** Only what every server takes out by itself stands in `Connection`. */
function plainConnection(connection: string): boolean {
  return connection === '' || connection === 'keep-alive' || connection === 'close' || connection === 'upgrade' || connection.split(',').every((part) => ['', 'keep-alive', 'close', 'upgrade', 'te'].includes(part.trim()))
}

/**
 * Reads the head of a request, strictly: whatever two servers could understand differently is refused.
 * @returns undefined when the bytes end before the head does
 * @throws RefusedMessage 400, 405, 417, 431, 501 or 505
 */
export function parseRequestHead(bytes: Buffer, start: number, end: number): RequestHead | undefined {
  let i = start
  while (i < end && ((byteClass[bytes[i] as number] as number) & TOKEN) !== 0) i++
  if (i >= end) return undefined
  if (i === start || bytes[i] !== 0x20) throw new RefusedMessage(400, 'the request line is malformed')
  const targetStart = i + 1
  let query = -1
  let odd = bytes[targetStart] !== 0x2f
  for (i = targetStart; i < end; i++) {
    const byte = bytes[i] as number
    if (byte <= 0x20 || byte === 0x7f) break
    if (byte === 0x3f && query < 0) query = i - targetStart
    else if (byte === 0x23 || (query < 0 && (byte === 0x25 || byte === 0x5c || (byte === 0x2e && bytes[i - 1] === 0x2f)))) odd = true
  }
  const targetEnd = i
  const minor = readVersion(bytes, i, end)
  if (minor === undefined) return undefined
  if (targetEnd === targetStart) throw new RefusedMessage(400, 'the request line is malformed')
  const fields = i + VERSION.length
  if (!scanFields(bytes, fields, end, 400)) return undefined
  return requestOf(bytes.toString('latin1', start, scanned.end), start, { methodEnd: targetStart - 1, targetEnd, fields }, minor, odd ? undefined : query)
}

/** The minor version of ` HTTP/1.1` and its line end; undefined when the bytes end before. */
function readVersion(bytes: Buffer, at: number, end: number): 0 | 1 | undefined {
  let i = 0
  for (; i < VERSION.length && at + i < end; i++) {
    const byte = bytes[at + i]
    if (byte === VERSION.charCodeAt(i) || (i === 8 && byte === 0x30)) continue
    const rest = bytes.toString('latin1', at, Math.min(end, at + VERSION.length))
    if (/^ HTTP\/\d\.\d\r\n$/.test(rest)) throw new RefusedMessage(505, 'the version is not supported')
    if (/^ (?:H(?:T(?:T(?:P(?:\/(?:\d(?:\.(?:\d(?:\r\n?)?)?)?)?)?)?)?)?)?$/.test(rest)) return undefined // of another version, perhaps, and not complete
    throw new RefusedMessage(400, 'the request line is malformed')
  }
  return i < VERSION.length ? undefined : bytes[at + 8] === 0x31 ? 1 : 0
}

function requestOf(text: string, base: number, at: { readonly methodEnd: number; readonly targetEnd: number; readonly fields: number }, minor: 0 | 1, query: number | undefined): RequestHead {
  const method = text.slice(0, at.methodEnd - base)
  if (minor === 1 && scanned.hostStart < 0) throw new RefusedMessage(400, 'Host is missing')
  if (method === 'CONNECT') throw new RefusedMessage(405, 'CONNECT is not supported')
  const target = text.slice(at.methodEnd + 1 - base, at.targetEnd - base)
  const host = scanned.hostStart < 0 ? '' : text.slice(scanned.hostStart - base, scanned.hostEnd - base)
  const { expect, connection, upgrade, forwardedFor, hasRequestId, end } = scanned
  if (expect !== undefined && expect !== '100-continue') throw new RefusedMessage(417, 'the expectation is not supported')
  return {
    method, target, query, minor, forwardedFor, hasRequestId, end,
    authority: query === undefined ? authorityOf(target, host) : host,
    all: text.slice(at.fields - base, -2),
    endToEnd: plainConnection(connection) ? uncutLines(text, base, at.fields) : undefined,
    framing: requestFraming(text, base, minor),
    upgrade: upgrade !== undefined && minor === 1 && has(connection, 'upgrade') ? upgrade : undefined,
    keepAlive: minor === 1 ? connection === '' || !has(connection, 'close') : has(connection, 'keep-alive'),
    expectContinue: expect !== undefined && minor === 1,
  }
}

function authorityOf(target: string, host: string): string {
  if (target.charCodeAt(0) === 0x2f || target === '*') return host
  const match = /^https?:\/\/([^/?#@]+)(?:[/?]|$)/i.exec(target)
  if (match === null) throw new RefusedMessage(400, 'the request target is malformed')
  return match[1] ?? ''
}

/** @throws RefusedMessage when this is no host with an optional port */
export function checkAuthority(authority: string): void {
  if (!/^(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/.test(authority)) throw new RefusedMessage(400, 'the host is malformed')
}

function requestFraming(text: string, base: number, minor: number): Framing {
  const { encoding, lengthStart, lengthEnd } = scanned
  if (encoding !== undefined) {
    if (lengthStart >= 0) throw new RefusedMessage(400, 'both Content-Length and Transfer-Encoding')
    if (minor === 0) throw new RefusedMessage(400, 'Transfer-Encoding in HTTP/1.0')
    if (encoding !== 'chunked') throw new RefusedMessage(501, 'the transfer encoding is not supported')
    return chunked
  }
  return lengthStart < 0 ? none : lengthFraming(text.slice(lengthStart - base, lengthEnd - base), 400)
}

function lengthFraming(length: string, status: number): Framing {
  if (!/^\d{1,15}$/.test(length)) throw new RefusedMessage(status, 'Content-Length is malformed')
  const n = Number(length)
  return n === 0 ? none : { type: 'length', length: n }
}

/**
 * Reads the head of a response to a request of `method`.
 * @returns undefined when the bytes end before the head does
 * @throws RefusedMessage 502
 */
export function parseResponseHead(bytes: Buffer, start: number, end: number, method: string): ResponseHead | undefined {
  const line = statusLine(bytes, start, end)
  if (line === undefined) return undefined
  if (!scanFields(bytes, line, end, 502)) return undefined
  const status = ((bytes[start + 9] as number) - 48) * 100 + ((bytes[start + 10] as number) - 48) * 10 + (bytes[start + 11] as number) - 48
  const text = bytes.toString('latin1', line, scanned.end)
  const { connection } = scanned
  return {
    status, end: scanned.end,
    all: text.slice(0, -2),
    endToEnd: plainConnection(connection) ? uncutLines(text, line, line) : undefined,
    framing: responseFraming(text, line, method, status),
    keepAlive: bytes[start + 7] === 0x31 ? connection === '' || !has(connection, 'close') : has(connection, 'keep-alive'),
  }
}

const STATUS = 'HTTP/1.'

/** Where the line after the status line begins; undefined when the bytes end before. */
function statusLine(bytes: Buffer, start: number, end: number): number | undefined {
  for (let i = 0; i < 12; i++) {
    if (start + i >= end) return undefined
    const byte = bytes[start + i] as number
    const good = i < 7 ? byte === STATUS.charCodeAt(i) : i === 7 ? byte === 0x30 || byte === 0x31 : i === 8 ? byte === 0x20 : i === 9 ? byte >= 0x31 && byte <= 0x39 : byte >= 0x30 && byte <= 0x39
    if (!good) throw new RefusedMessage(502, 'the status line is malformed')
  }
  let i = start + 12
  if (i >= end) return undefined
  if (bytes[i] !== 0x20 && bytes[i] !== 13) throw new RefusedMessage(502, 'the status line is malformed')
  while (i < end && (byteClass[bytes[i] as number] as number) !== 0) i++
  if (i + 1 >= end) return undefined
  if (bytes[i] !== 13 || bytes[i + 1] !== 10) throw new RefusedMessage(502, 'the head holds a forbidden character')
  return i + 2
}

function responseFraming(text: string, base: number, method: string, status: number): Framing {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return none
  const { encoding, lengthStart, lengthEnd } = scanned
  if (encoding !== undefined) {
    if (lengthStart >= 0 || encoding !== 'chunked') throw new RefusedMessage(502, 'the framing is ambiguous')
    return chunked
  }
  return lengthStart < 0 ? close : lengthFraming(text.slice(lengthStart - base, lengthEnd - base), 502)
}

/** The fields of a message as a list; lines have been checked when they were read. */
export function listOfLines(all: string): HeaderList {
  const list: HeaderList = []
  for (let at = 0; at < all.length;) {
    const end = all.indexOf('\r\n', at)
    const colon = all.indexOf(':', at)
    list.push(all.slice(at, colon), all.slice(colon + 1, end).trim())
    at = end + 2
  }
  return list
}
