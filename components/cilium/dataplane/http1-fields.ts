import { RefusedMessage } from './refused-message.ts'

const MAX_FIELDS = 100

/** What is in a head's lines, as offsets into the bytes; -1 where a field is absent. Reused by each parse. */
export interface FieldScan {
  /** Where the body begins. */
  end: number
  /** Start and end of each line that concerns this connection only, or is replaced; the others are forwarded as they are. */
  readonly cuts: Int32Array
  /** How many of `cuts` are in use. */
  cut: number
  hostStart: number
  hostEnd: number
  lengthStart: number
  lengthEnd: number
  encoding: string | undefined
  /** Lower case; several joined with a comma. */
  connection: string
  upgrade: string | undefined
  expect: string | undefined
  forwardedFor: string | undefined
  hasRequestId: boolean
}

export const scanned: FieldScan = { end: 0, cuts: new Int32Array(2 * MAX_FIELDS), cut: 0, hostStart: -1, hostEnd: -1, lengthStart: -1, lengthEnd: -1, encoding: undefined, connection: '', upgrade: undefined, expect: undefined, forwardedFor: undefined, hasRequestId: false }

const TOKEN = 1
const VALUE = 2
/** What a byte may be part of: a token (RFC 9110 §5.6.2), the value of a field (§5.5). */
export const byteClass = new Uint8Array(256)
for (const character of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") byteClass[character.charCodeAt(0)] = TOKEN
for (let byte = 0x20; byte < 256; byte++) if (byte !== 0x7f) byteClass[byte] = (byteClass[byte] as number) | VALUE
byteClass[9] = VALUE

const CR = 13
const LF = 10

/**
 * Reads the fields of a head up to its empty line into `scanned`, strictly: whatever two parsers could read differently is refused.
 * @returns false when the bytes end before the head does
 * @throws RefusedMessage
 */
export function scanFields(bytes: Buffer, from: number, end: number, status: 400 | 502): boolean {
  const scan = scanned
  scan.cut = 0
  scan.hostStart = scan.lengthStart = -1
  scan.encoding = scan.upgrade = scan.expect = scan.forwardedFor = undefined
  scan.connection = ''
  scan.hasRequestId = false
  let i = from
  for (let fields = 0; ; fields++) {
    if (i >= end) return false
    const line = i
    while (i < end && ((byteClass[bytes[i] as number] as number) & TOKEN) !== 0) i++
    if (i >= end) return false
    if (i === line && bytes[i] === CR) {
      if (i + 1 >= end) return false
      if (bytes[i + 1] !== LF) throw new RefusedMessage(status, 'the head holds a forbidden character')
      scan.end = i + 2
      return true
    }
    const name = i
    if (bytes[i] !== 0x3a || i === line) throw new RefusedMessage(status, 'a header field is malformed')
    i++
    while (i < end && (bytes[i] === 0x20 || bytes[i] === 9)) i++
    const start = i
    while (i < end && ((byteClass[bytes[i] as number] as number) & VALUE) !== 0) i++
    if (i >= end) return false
    if (bytes[i] !== CR) throw new RefusedMessage(status, 'the head holds a forbidden character')
    if (i + 1 >= end) return false
    if (bytes[i + 1] !== LF) throw new RefusedMessage(status, 'the head holds a forbidden character')
    let stop = i
    while (stop > start && (bytes[stop - 1] === 0x20 || bytes[stop - 1] === 9)) stop--
    i += 2
    if (fields >= MAX_FIELDS) throw new RefusedMessage(status === 400 ? 431 : status, 'too many header fields')
    noteField(bytes, line, name, start, stop, i, status)
  }
}

const bytesOf = (name: string): Uint8Array => Buffer.from(name, 'latin1')
const host = bytesOf('host')
const contentLength = bytesOf('content-length')
const transferEncoding = bytesOf('transfer-encoding')
const connection = bytesOf('connection')
const keepAlive = bytesOf('keep-alive')
const upgrade = bytesOf('upgrade')
const expect = bytesOf('expect')
const te = bytesOf('te')
const trailer = bytesOf('trailer')
const server = bytesOf('server')
const requestId = bytesOf('x-request-id')
const forwardedFor = bytesOf('x-forwarded-for')
const forwardedProto = bytesOf('x-forwarded-proto')
const externalAddress = bytesOf('x-envoy-external-address')
const forwardedClientCert = bytesOf('x-forwarded-client-cert')
const proxyConnection = bytesOf('proxy-connection')
const proxyAuthenticate = bytesOf('proxy-authenticate')
const proxyAuthorization = bytesOf('proxy-authorization')

/** Compares a name with one in lower case; the length is equal. */
function is(bytes: Buffer, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) {
    const byte = bytes[at + i] as number
    if ((byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte) !== name[i]) return false
  }
  return true
}

/** Notes what the gateway itself must know of a field. The length of the name decides first, so most fields cost one comparison. */
function noteField(bytes: Buffer, line: number, name: number, start: number, stop: number, next: number, status: 400 | 502): void {
  const request = status === 400
  let cut = false
  switch (name - line) {
    case 2: cut = is(bytes, line, te)
      break
    case 4: cut = is(bytes, line, host) && noteHost(start, stop, status)
      break
    case 6: if (request) cut = is(bytes, line, expect) && noteExpect(bytes, start, stop)
      else cut = is(bytes, line, server)
      break
    case 7:
      if (is(bytes, line, upgrade)) {
        scanned.upgrade = bytes.toString('latin1', start, stop)
        cut = true
      } else cut = is(bytes, line, trailer)
      break
    case 10: cut = (is(bytes, line, connection) && noteConnection(bytes, start, stop)) || is(bytes, line, keepAlive)
      break
    case 12: if (request && is(bytes, line, requestId)) scanned.hasRequestId = true
      break
    case 14: if (is(bytes, line, contentLength)) noteLength(start, stop, status)
      break
    case 15: cut = request && is(bytes, line, forwardedFor) && noteForwardedFor(bytes, start, stop)
      break
    case 16: cut = is(bytes, line, proxyConnection)
      break
    case 17: cut = (is(bytes, line, transferEncoding) && noteEncoding(bytes, start, stop, status)) || (request && is(bytes, line, forwardedProto))
      break
    case 18: cut = is(bytes, line, proxyAuthenticate)
      break
    case 19: cut = is(bytes, line, proxyAuthorization)
      break
    case 23: cut = request && is(bytes, line, forwardedClientCert) // what a client says of its own certificate counts for nothing
      break
    case 24: cut = request && is(bytes, line, externalAddress)
      break
  }
  if (!cut) return
  scanned.cuts[scanned.cut++] = line
  scanned.cuts[scanned.cut++] = next
}

function noteHost(start: number, stop: number, status: number): boolean {
  if (status !== 400) return false // means nothing in a response
  if (scanned.hostStart >= 0) throw new RefusedMessage(status, 'more than one Host')
  scanned.hostStart = start
  scanned.hostEnd = stop
  return true
}

function noteLength(start: number, stop: number, status: number): void {
  if (scanned.lengthStart >= 0) throw new RefusedMessage(status, 'more than one Content-Length')
  scanned.lengthStart = start
  scanned.lengthEnd = stop
}

function noteEncoding(bytes: Buffer, start: number, stop: number, status: number): boolean {
  if (scanned.encoding !== undefined) throw new RefusedMessage(status, 'more than one Transfer-Encoding')
  scanned.encoding = bytes.toString('latin1', start, stop).toLowerCase()
  return true
}

function noteConnection(bytes: Buffer, start: number, stop: number): boolean {
  const value = bytes.toString('latin1', start, stop).toLowerCase()
  scanned.connection = scanned.connection === '' ? value : `${scanned.connection},${value}`
  return true
}

function noteExpect(bytes: Buffer, start: number, stop: number): boolean {
  scanned.expect = bytes.toString('latin1', start, stop).toLowerCase()
  return true
}

function noteForwardedFor(bytes: Buffer, start: number, stop: number): boolean {
  const value = bytes.toString('latin1', start, stop)
  scanned.forwardedFor = scanned.forwardedFor === undefined ? value : `${scanned.forwardedFor},${value}`
  return true
}

/** The lines that are not cut, from `start` to before the empty line. `text` is what stands at `base` and after. */
export function uncutLines(text: string, base: number, start: number): string {
  const { cuts, cut: count, end } = scanned
  let lines = ''
  let from = start
  for (let i = 0; i < count; i += 2) {
    const cut = cuts[i] as number // even index
    if (cut > from) lines += text.slice(from - base, cut - base)
    from = cuts[i + 1] as number // its end
  }
  return end - 2 > from ? lines + text.slice(from - base, end - 2 - base) : lines
}
