/** A message type: fields by name. Values are in protobuf's JSON form: enums by name, 64-bit numbers as text, timestamps in RFC 3339, wrappers as what they wrap. */
export interface MessageType { readonly [field: string]: FieldType }

export interface FieldType {
  readonly number: number
  readonly type: 'string' | 'uint32' | 'uint64' | 'int32' | 'bool' | 'timestamp' | 'bool-value' | 'uint32-value' | Enum | (() => MessageType)
  readonly repeated?: boolean
}

export interface Enum { readonly names: Readonly<Record<string, number>> }
export type Message = Readonly<Record<string, unknown>>

const varint = 0
const delimited = 2

/** Encodes what the type knows of a message (Protocol Buffers, proto3); other fields are left out. */
export function encode(type: MessageType, message: Message): Uint8Array {
  const out: number[] = []
  writeMessage(out, type, message)
  return Uint8Array.from(out)
}

function writeMessage(out: number[], type: MessageType, message: Message): void {
  for (const [name, field] of Object.entries(type)) {
    const value = message[name]
    if (value === undefined || value === null) continue
    for (const one of field.repeated === true ? (value as readonly unknown[]) : [value]) writeField(out, field, one)
  }
}

function writeField(out: number[], { number, type, repeated = false }: FieldType, value: unknown): void {
  if (type === 'string') {
    if (value === '' && !repeated) return
    writeBytes(out, number, Buffer.from(String(value)))
  } else if (typeof type === 'function') writeBytes(out, number, encode(type(), value as Message))
  else if (type === 'timestamp') writeBytes(out, number, encode(timestamp, timestampFields(String(value))))
  else if (type === 'bool-value') writeBytes(out, number, encode({ value: { number: 1, type: 'bool' } }, { value }))
  else if (type === 'uint32-value') writeBytes(out, number, encode({ value: { number: 1, type: 'uint32' } }, { value }))
  else {
    const wanted = type === 'bool' ? (value === true ? 1n : 0n) : typeof type === 'object' ? BigInt(typeof value === 'number' ? value : type.names[String(value)] ?? 0) : BigInt(value as number | string)
    if (wanted === 0n && !repeated) return
    writeVarint(out, BigInt(number * 8 + varint))
    writeVarint(out, BigInt.asUintN(64, wanted))
  }
}

const timestamp: MessageType = { seconds: { number: 1, type: 'uint64' }, nanos: { number: 2, type: 'int32' } }

function timestampFields(text: string): Message {
  const seconds = Math.floor(Date.parse(text) / 1_000)
  const fraction = /\.(\d{1,9})/.exec(text)?.[1] ?? ''
  return { seconds: String(seconds), nanos: Number(fraction.padEnd(9, '0')) }
}

function writeBytes(out: number[], number: number, bytes: Uint8Array): void {
  writeVarint(out, BigInt(number * 8 + delimited))
  writeVarint(out, BigInt(bytes.length))
  for (const byte of bytes) out.push(byte)
}

function writeVarint(out: number[], value: bigint): void {
  let rest = value
  while (rest > 0x7fn) {
    out.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  out.push(Number(rest))
}

/** @throws Error for bytes that are no message; fields that the type does not know are skipped */
export function decode(type: MessageType, bytes: Uint8Array): Message {
  const byNumber = new Map(Object.entries(type).map(([name, field]) => [field.number, { name, field }]))
  const message: Record<string, unknown> = {}
  const reader = { bytes, at: 0 }
  while (reader.at < bytes.length) {
    const tag = Number(readVarint(reader))
    const wire = tag & 7
    const raw = wire === varint ? readVarint(reader) : wire === delimited ? readDelimited(reader) : skipFixed(reader, wire)
    const known = byNumber.get(tag >>> 3)
    if (known === undefined || raw === undefined) continue
    const { name, field } = known
    if (field.repeated !== true) message[name] = valueOf(field, raw)
    else {
      const list = (message[name] ??= []) as unknown[]
      // Numbers of a list come packed.
      if (raw instanceof Uint8Array && isNumeric(field)) for (const packed = { bytes: raw, at: 0 }; packed.at < raw.length;) list.push(valueOf(field, readVarint(packed)))
      else list.push(valueOf(field, raw))
    }
  }
  return message
}

function isNumeric({ type }: FieldType): boolean {
  return typeof type === 'object' || type === 'uint32' || type === 'uint64' || type === 'int32' || type === 'bool'
}

interface Reader { readonly bytes: Uint8Array; at: number }

function readVarint(reader: Reader): bigint {
  let value = 0n
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = reader.bytes[reader.at++]
    if (byte === undefined) throw new Error('protobuf: the message ends inside a number')
    value |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) return BigInt.asUintN(64, value)
  }
  throw new Error('protobuf: a number is too long')
}

function readDelimited(reader: Reader): Uint8Array {
  const length = Number(readVarint(reader))
  if (reader.at + length > reader.bytes.length) throw new Error('protobuf: the message ends inside a field')
  const found = reader.bytes.subarray(reader.at, reader.at + length)
  reader.at += length
  return found
}

function skipFixed(reader: Reader, wire: number): undefined {
  if (wire !== 1 && wire !== 5) throw new Error(`protobuf: wire type ${wire}`)
  reader.at += wire === 1 ? 8 : 4
  if (reader.at > reader.bytes.length) throw new Error('protobuf: the message ends inside a field')
  return undefined
}

function valueOf({ type }: FieldType, raw: bigint | Uint8Array): unknown {
  if (raw instanceof Uint8Array) {
    if (typeof type === 'function') return decode(type(), raw)
    if (type === 'timestamp') {
      const { seconds = '0', nanos = 0 } = decode(timestamp, raw) as { seconds?: string; nanos?: number }
      return `${new Date(Number(seconds) * 1_000).toISOString().slice(0, 19)}.${String(nanos).padStart(9, '0')}Z`
    }
    if (type === 'bool-value') return decode({ value: { number: 1, type: 'bool' } }, raw)['value'] ?? false
    if (type === 'uint32-value') return decode({ value: { number: 1, type: 'uint32' } }, raw)['value'] ?? 0
    return Buffer.from(raw).toString()
  }
  if (type === 'bool') return raw !== 0n
  if (type === 'uint64') return String(raw)
  if (type === 'int32') return Number(BigInt.asIntN(32, raw))
  if (typeof type === 'object') return Object.entries(type.names).find(([, number]) => number === Number(raw))?.[0] ?? Number(raw)
  return Number(raw)
}
