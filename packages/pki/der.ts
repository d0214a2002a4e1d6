import { CodedError } from '@idp/kit'

// DER (ITU-T X.690), as far as certificates need it. Values are built from the inside out: seq(integer(1), oid('2.5.4.3')).

export const tag = {
  boolean: 0x01, integer: 0x02, bitString: 0x03, octetString: 0x04, null: 0x05, oid: 0x06, utf8: 0x0c, printable: 0x13, ia5: 0x16,
  utcTime: 0x17, generalizedTime: 0x18, sequence: 0x30, set: 0x31,
} as const

/** Tag, length, content. */
export function tlv(type: number, ...content: readonly Uint8Array[]): Buffer {
  const body = content.length === 1 ? content[0] as Uint8Array : Buffer.concat(content) // one element exists
  const { length } = body
  const head = length < 0x80 ? [type, length] : length < 0x100 ? [type, 0x81, length] : length < 0x10000 ? [type, 0x82, length >> 8, length & 0xff] : [type, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff]
  return Buffer.concat([Buffer.from(head), body])
}

export const seq = (...items: readonly Uint8Array[]): Buffer => tlv(tag.sequence, Buffer.concat(items))
export const set = (...items: readonly Uint8Array[]): Buffer => tlv(tag.set, Buffer.concat(items))
export const octets = (content: Uint8Array): Buffer => tlv(tag.octetString, content)
export const boolean = (value: boolean): Buffer => tlv(tag.boolean, Buffer.from([value ? 0xff : 0]))
export const nothing = (): Buffer => tlv(tag.null, Buffer.alloc(0))
/** `[n]` around whole values (explicit), or in place of their tag (implicit, primitive). */
export const explicit = (n: number, ...items: readonly Uint8Array[]): Buffer => tlv(0xa0 | n, Buffer.concat(items))
export const implicit = (n: number, content: Uint8Array): Buffer => tlv(0x80 | n, content)

/** A non-negative integer from its bytes, most significant first, or a small number. */
export function integer(value: number | Uint8Array): Buffer {
  const bytes = typeof value === 'number' ? Buffer.from(value.toString(16).padStart(value < 16 ? 2 : 2 * Math.ceil(value.toString(16).length / 2), '0'), 'hex') : Buffer.from(value)
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const trimmed = bytes.subarray(start)
  return tlv(tag.integer, (trimmed[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), trimmed]) : trimmed)
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes: number[] = []
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc % 128]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left % 128) | 0x80)
    bytes.push(...groups)
  }
  return tlv(tag.oid, Buffer.from(bytes))
}

export function bitString(content: Uint8Array, unused = 0): Buffer {
  return tlv(tag.bitString, Buffer.from([unused]), content)
}

/** Bits by number, the first one being bit 0, without trailing zeros as DER wants named bits. */
export function namedBits(bits: readonly number[]): Buffer {
  const last = Math.max(-1, ...bits)
  const bytes = Buffer.alloc(Math.floor((last + 8) / 8))
  for (const bit of bits) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7))
  return bitString(bytes, last < 0 ? 0 : 7 - (last & 7))
}

/** PrintableString where the characters allow it, otherwise UTF8String. */
export function text(value: string): Buffer {
  return tlv(/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value) ? tag.printable : tag.utf8, Buffer.from(value, 'utf8'))
}

/** UTCTime until 2049, then GeneralizedTime (RFC 5280 §4.1.2.5); milliseconds since the epoch, cut to seconds. */
export function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14)
  const year = Number(digits.slice(0, 4))
  return year >= 1950 && year < 2050 ? tlv(tag.utcTime, Buffer.from(`${digits.slice(2)}Z`)) : tlv(tag.generalizedTime, Buffer.from(`${digits}Z`))
}

/** One value of a DER text: its tag, its content, and all of its bytes. */
export interface DerValue { readonly tag: number; readonly content: Buffer; readonly der: Buffer }

/** The values that lie one after the other in `bytes`. @throws CodedError `InvalidDer` */
export function readAll(bytes: Uint8Array): DerValue[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const values: DerValue[] = []
  for (let at = 0; at < buffer.length;) {
    const type = buffer[at] ?? 0
    let length = buffer[at + 1] ?? 0
    let start = at + 2
    if (length > 0x80 && length <= 0x84) {
      const size = length - 0x80
      if (start + size > buffer.length) throw invalid(at)
      length = buffer.readUIntBE(start, size)
      start += size
    } else if (length >= 0x80) throw invalid(at)
    if ((type & 0x1f) === 0x1f || start + length > buffer.length) throw invalid(at)
    values.push({ tag: type, content: buffer.subarray(start, start + length), der: buffer.subarray(at, start + length) })
    at = start + length
  }
  return values
}

/** The one value that `bytes` are. @throws CodedError `InvalidDer` */
export function readOne(bytes: Uint8Array): DerValue {
  const [value, extra] = readAll(bytes)
  if (value === undefined || extra !== undefined) throw invalid(0)
  return value
}

/** Members of a constructed value. */
export const children = (value: DerValue): DerValue[] => readAll(value.content)

export function readOid({ content }: DerValue): string {
  const arcs: number[] = []
  let arc = 0
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f)
    if (byte >= 0x80) continue
    arcs.push(arc)
    arc = 0
  }
  const first = arcs[0] ?? 0
  const top = Math.min(2, Math.floor(first / 40))
  return [top, first - top * 40, ...arcs.slice(1)].join('.')
}

export function readTime({ tag: type, content }: DerValue): number {
  const digits = content.toString('latin1')
  const full = type === tag.utcTime ? `${Number(digits.slice(0, 2)) < 50 ? '20' : '19'}${digits}` : digits
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full)
  if (match === null) throw invalid(0)
  const [, year, month, day, hour, minute, second] = match.map(Number)
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second)
}

export function readText({ tag: type, content }: DerValue): string {
  if (type === 0x1e) return Buffer.from(content).swap16().toString('utf16le')
  return content.toString(type === tag.utf8 ? 'utf8' : 'latin1')
}

/** Numbers of the set bits of a named bit list. */
export function readBits({ content }: DerValue): number[] {
  const bits: number[] = []
  for (let bit = 0; bit < (content.length - 1) * 8; bit++) if (((content[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0) bits.push(bit)
  return bits
}

function invalid(at: number): CodedError {
  return new CodedError({ code: 'InvalidDer', message: `the encoding is broken at byte ${at}` })
}
