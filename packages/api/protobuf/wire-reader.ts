/** Why bytes are not the protobuf message they should be. */
export class WireError extends Error {}

export interface WireField { number: number; wire: number; varint: bigint; bytes: Uint8Array }

const empty = new Uint8Array(0)

/** Reads the fields of a protobuf message in their order (https://protobuf.dev/programming-guides/encoding/). Throws WireError. */
export function* wireFields(bytes: Uint8Array): Generator<WireField> {
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++]
      if (byte === undefined) throw new WireError('unexpected end of a number')
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    throw new WireError('a number is longer than 64 bits')
  }
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw new WireError('a field is longer than its message')
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const tag = Number(varint())
    const number = tag >>> 3
    const wire = tag & 7
    if (number === 0) throw new WireError('field number 0')
    if (wire === 0) yield { number, wire, varint: varint(), bytes: empty }
    else if (wire === 1) yield { number, wire, varint: 0n, bytes: take(8) }
    else if (wire === 2) yield { number, wire, varint: 0n, bytes: take(Number(varint())) }
    else if (wire === 5) yield { number, wire, varint: 0n, bytes: take(4) }
    else throw new WireError(`wire type ${wire} is not used`)
  }
}

/** A signed 64-bit number; exact up to 2^53. */
export function signed(varint: bigint): number {
  return Number(BigInt.asIntN(64, varint))
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

export function text(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) throw new WireError('a string is not UTF-8')
    throw error
  }
}
