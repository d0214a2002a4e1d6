/** One field of a protobuf message; exactly one of its readers is called. All throw RangeError for malformed input. */
export interface WireValue {
  readonly number: number
  /** A length-delimited value, which may be a packed list of numbers. */
  readonly isPacked: boolean
  bytes(): Uint8Array
  text(): string
  /** A varint as a signed 64-bit number; exact up to 2^53. */
  integer(): number
  double(): number
  packed(doubles: boolean): number[]
  skip(): void
  /** Reads the value now, to be asked for later. */
  keep(): WireValue
}

export interface WireReader { next(): WireValue | undefined }

const varint = 0
const fixed64 = 1
const delimited = 2
const fixed32 = 5

/** Walks the fields of a protobuf message (https://protobuf.dev/programming-guides/encoding/). */
export function wireReader(bytes: Uint8Array): WireReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const readVarint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = view.getUint8(at++)
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw new RangeError('a number has more than ten bytes')
  }
  const readInteger = () => Number(BigInt.asIntN(64, readVarint()))
  const readBytes = () => {
    const length = Number(readVarint())
    if (length > bytes.length - at) throw new RangeError('a value is longer than the message')
    at += length
    return bytes.subarray(at - length, at)
  }
  const readDouble = () => {
    at += 8
    return view.getFloat64(at - 8, true)
  }
  const skip = (type: number) => {
    if (type === varint) readVarint()
    else if (type === fixed64) at += 8
    else if (type === delimited) readBytes()
    else if (type === fixed32) at += 4
    else throw new RangeError(`wire type ${type} is not served`)
    if (at > bytes.length) throw new RangeError('the message ends inside a value')
  }
  const need = (type: number, wanted: number) => {
    if (type !== wanted) throw new RangeError(`a field has wire type ${type} instead of ${wanted}`)
  }
  return {
    next() {
      if (at >= bytes.length) return undefined
      const tag = Number(readVarint())
      const type = tag & 7
      const number = Math.floor(tag / 8)
      return {
        number, isPacked: type === delimited,
        bytes: () => (need(type, delimited), readBytes()),
        text: () => (need(type, delimited), new TextDecoder().decode(readBytes())),
        integer: () => (need(type, varint), readInteger()),
        double: () => (need(type, fixed64), readDouble()),
        packed(doubles) {
          const end = Number(readVarint()) + at
          const values: number[] = []
          while (at < end) values.push(doubles ? readDouble() : readInteger())
          return values
        },
        skip: () => skip(type),
        keep() {
          const start = at
          skip(type)
          const again = wireReader(Buffer.concat([encodeTag(number, type), bytes.subarray(start, at)])).next()
          if (again === undefined) throw new RangeError('an empty value')
          return again
        },
      }
    },
  }
}

function encodeTag(number: number, type: number): Uint8Array {
  const out: number[] = []
  for (let rest = number * 8 + type; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...out, rest])
    out.push((rest % 128) + 128)
  }
}
