import type { HeaderList } from './header-list.ts'

/** How the end of a body is known (RFC 9112 §6). */
export type Framing = { readonly type: 'none' } | { readonly type: 'length'; readonly length: number } | { readonly type: 'chunked' } | { readonly type: 'close' }

export interface RequestHead {
  readonly method: string
  /** As on the wire: origin form, absolute form or `*`. */
  readonly target: string
  /** Value of `Host` (or the authority of an absolute target). */
  readonly authority: string
  readonly minor: 0 | 1
  readonly headers: HeaderList
  readonly framing: Framing
  readonly keepAlive: boolean
  /** Protocol asked for with `Upgrade`. */
  readonly upgrade: string | undefined
  readonly expectContinue: boolean
}

export interface ResponseHead {
  readonly status: number
  readonly reason: string
  readonly headers: HeaderList
  readonly framing: Framing
  readonly keepAlive: boolean
}

/** A message that must not be forwarded; the status goes to the client. */
export class RefusedMessage extends Error {
  override readonly name = 'RefusedMessage'
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const none: Framing = { type: 'none' }
const chunked: Framing = { type: 'chunked' }
/** Control characters, and line ends that are not CRLF: what two parsers could read differently. */
const forbidden = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n/
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const MAX_FIELDS = 100

interface Fields { readonly headers: HeaderList; host: string | undefined; length: string | undefined; encoding: string | undefined; connection: string; upgrade: string | undefined; expect: string | undefined }

function readFields(lines: readonly string[], status: number): Fields {
  if (lines.length - 1 > MAX_FIELDS) throw new RefusedMessage(status === 400 ? 431 : status, 'too many header fields')
  const fields: Fields = { headers: [], host: undefined, length: undefined, encoding: undefined, connection: '', upgrade: undefined, expect: undefined }
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] as string // below the length
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    if (colon < 1 || !token.test(name)) throw new RefusedMessage(status, 'a header field is malformed')
    const value = line.slice(colon + 1).trim()
    fields.headers.push(name, value)
    switch (name.toLowerCase()) {
      case 'host':
        if (fields.host !== undefined) throw new RefusedMessage(status, 'more than one Host')
        fields.host = value
        break
      case 'content-length':
        if (fields.length !== undefined) throw new RefusedMessage(status, 'more than one Content-Length')
        fields.length = value
        break
      case 'transfer-encoding':
        if (fields.encoding !== undefined) throw new RefusedMessage(status, 'more than one Transfer-Encoding')
        fields.encoding = value.toLowerCase()
        break
      case 'connection': fields.connection += `,${value.toLowerCase()}`
        break
      case 'upgrade': fields.upgrade = value
        break
      case 'expect': fields.expect = value.toLowerCase()
        break
    }
  }
  return fields
}

function has(connection: string, option: string): boolean {
  return connection !== '' && connection.split(',').some((part) => part.trim() === option)
}

/**
 * Reads the head of a request, without its empty line, strictly: whatever two servers could understand differently is refused.
 * @throws RefusedMessage 400, 417, 431, 501 or 505
 */
export function parseRequestHead(text: string): RequestHead {
  if (forbidden.test(text)) throw new RefusedMessage(400, 'the head holds a forbidden character')
  const lines = text.split('\r\n')
  const first = lines[0] ?? ''
  const space = first.indexOf(' ')
  const last = first.lastIndexOf(' ')
  const version = first.slice(last + 1)
  const method = first.slice(0, space)
  const target = first.slice(space + 1, last)
  if (space < 1 || last === space || !token.test(method) || target === '' || target.includes(' ') || target.includes('\t')) throw new RefusedMessage(400, 'the request line is malformed')
  if (version !== 'HTTP/1.1' && version !== 'HTTP/1.0') throw new RefusedMessage(/^HTTP\/\d\.\d$/.test(version) ? 505 : 400, 'the version is not supported')
  const minor = version === 'HTTP/1.1' ? 1 : 0
  const fields = readFields(lines, 400)
  if (minor === 1 && fields.host === undefined) throw new RefusedMessage(400, 'Host is missing')
  if (method === 'CONNECT') throw new RefusedMessage(405, 'CONNECT is not supported')
  const authority = authorityOf(target, fields.host ?? '')
  if (fields.expect !== undefined && fields.expect !== '100-continue') throw new RefusedMessage(417, 'the expectation is not supported')
  const upgrade = has(fields.connection, 'upgrade') && minor === 1 ? fields.upgrade : undefined
  return {
    method, target, authority, minor, headers: fields.headers, framing: requestFraming(fields, minor), upgrade,
    keepAlive: minor === 1 ? !has(fields.connection, 'close') : has(fields.connection, 'keep-alive'), expectContinue: fields.expect !== undefined && minor === 1,
  }
}

function authorityOf(target: string, host: string): string {
  if (target.charCodeAt(0) !== 0x2f && target !== '*') {
    const match = /^https?:\/\/([^/?#@]+)(?:[/?]|$)/i.exec(target)
    if (match === null) throw new RefusedMessage(400, 'the request target is malformed')
    return checkedAuthority(match[1] ?? '')
  }
  return checkedAuthority(host)
}

function checkedAuthority(authority: string): string {
  if (!/^(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/.test(authority)) throw new RefusedMessage(400, 'the host is malformed')
  return authority
}

function requestFraming({ length, encoding }: Fields, minor: number): Framing {
  if (encoding !== undefined) {
    if (length !== undefined) throw new RefusedMessage(400, 'both Content-Length and Transfer-Encoding')
    if (minor === 0) throw new RefusedMessage(400, 'Transfer-Encoding in HTTP/1.0')
    if (encoding !== 'chunked') throw new RefusedMessage(501, 'the transfer encoding is not supported')
    return chunked
  }
  return length === undefined ? none : lengthFraming(length, 400)
}

function lengthFraming(length: string, status: number): Framing {
  if (!/^\d{1,15}$/.test(length)) throw new RefusedMessage(status, 'Content-Length is malformed')
  const n = Number(length)
  return n === 0 ? none : { type: 'length', length: n }
}

/** Reads the head of a response to a request of `method`. @throws RefusedMessage 502 */
export function parseResponseHead(text: string, method: string): ResponseHead {
  if (forbidden.test(text)) throw new RefusedMessage(502, 'the head holds a forbidden character')
  const lines = text.split('\r\n')
  const match = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/.exec(lines[0] ?? '')
  if (match === null) throw new RefusedMessage(502, 'the status line is malformed')
  const status = Number(match[2])
  const fields = readFields(lines, 502)
  return { status, reason: match[3] ?? '', headers: fields.headers, framing: responseFraming(fields, method, status), keepAlive: match[1] === '1' ? !has(fields.connection, 'close') : has(fields.connection, 'keep-alive') }
}

function responseFraming({ length, encoding }: Fields, method: string, status: number): Framing {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return none
  if (encoding !== undefined) {
    if (length !== undefined || encoding !== 'chunked') throw new RefusedMessage(502, 'the framing is ambiguous')
    return chunked
  }
  return length === undefined ? { type: 'close' } : lengthFraming(length, 502)
}
