import { CodedError } from '@idp/kit'

/**
 * Samples of one series, compressed as in Facebook's Gorilla paper: times as differences of differences, values as the bits that changed.
 * A scraped gauge takes about two bytes a sample instead of sixteen.
 */
export interface Chunk {
  readonly bytes: Uint8Array
  readonly count: number
  readonly first: number
  readonly last: number
}

const scratch = new DataView(new ArrayBuffer(8))

function bitsOf(value: number): readonly [high: number, low: number] {
  scratch.setFloat64(0, value)
  return [scratch.getUint32(0), scratch.getUint32(4)]
}

function valueOf(high: number, low: number): number {
  scratch.setUint32(0, high)
  scratch.setUint32(4, low)
  return scratch.getFloat64(0)
}

/** Writes bits, most significant first. */
class BitWriter {
  bytes = new Uint8Array(64)
  length = 0

  bit(on: number): void {
    this.bits(on, 1)
  }

  /** At most 32 bits. */
  bits(value: number, count: number): void {
    if (this.length + count > this.bytes.length * 8) {
      const bigger = new Uint8Array(this.bytes.length * 2)
      bigger.set(this.bytes)
      this.bytes = bigger
    }
    for (let left = count; left > 0;) {
      const room = 8 - (this.length & 7)
      const take = Math.min(room, left)
      const part = (value >>> (left - take)) & ((1 << take) - 1)
      const at = this.length >> 3
      this.bytes[at] = (this.bytes[at] ?? 0) | (part << (room - take))
      this.length += take
      left -= take
    }
  }
}

class BitReader {
  at = 0
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  bit(): number {
    const bit = ((this.bytes[this.at >> 3] ?? 0) >> (7 - (this.at & 7))) & 1
    this.at++
    return bit
  }

  bits(count: number): number {
    let value = 0
    for (let left = count; left > 0;) {
      const room = 8 - (this.at & 7)
      const take = Math.min(room, left)
      const part = ((this.bytes[this.at >> 3] ?? 0) >> (room - take)) & ((1 << take) - 1)
      value = ((value << take) | part) >>> 0
      this.at += take
      left -= take
    }
    return value
  }
}

/** Ranges of the difference of differences, each with its prefix: one 0 bit for none, then wider and wider. */
const widths = [[0b10, 2, 14], [0b110, 3, 17], [0b1110, 4, 20]] as const

/** Takes samples in the order of time. */
export class ChunkWriter {
  readonly #out = new BitWriter()
  #count = 0
  #first = 0
  #last = 0
  #delta = 0
  #high = 0
  #low = 0
  #leading = -1
  #trailing = 0

  get count(): number { return this.#count }
  get first(): number { return this.#first }
  get last(): number { return this.#last }
  get size(): number { return Math.ceil(this.#out.length / 8) }

  append(t: number, v: number): void {
    const [high, low] = bitsOf(v)
    if (this.#count === 0) {
      this.#first = t
      this.#out.bits(Math.floor(t / 2 ** 32) >>> 0, 32)
      this.#out.bits(t >>> 0, 32)
      this.#out.bits(high, 32)
      this.#out.bits(low, 32)
    } else {
      this.#time(t)
      this.#value((high ^ this.#high) >>> 0, (low ^ this.#low) >>> 0)
    }
    this.#last = t
    this.#high = high
    this.#low = low
    this.#count++
  }

  #time(t: number): void {
    const delta = t - this.#last
    const change = delta - this.#delta
    this.#delta = delta
    if (change === 0) return this.#out.bit(0)
    for (const [prefix, length, width] of widths) {
      const half = 2 ** (width - 1)
      if (change >= -half && change < half) {
        this.#out.bits(prefix, length)
        return this.#out.bits(change & (2 ** width - 1), width)
      }
    }
    this.#out.bits(0b1111, 4)
    this.#out.bits(Math.floor(change / 2 ** 32) >>> 0, 32)
    this.#out.bits(change >>> 0, 32)
  }

  #value(high: number, low: number): void {
    if (high === 0 && low === 0) return this.#out.bit(0)
    this.#out.bit(1)
    const leading = Math.min(31, high === 0 ? 32 + Math.clz32(low) : Math.clz32(high))
    const trailing = low === 0 ? 32 + trailingZeros(high) : trailingZeros(low)
    if (this.#leading >= 0 && leading >= this.#leading && trailing >= this.#trailing) {
      this.#out.bit(0)
    } else {
      this.#leading = leading
      this.#trailing = trailing
      this.#out.bit(1)
      this.#out.bits(leading, 5)
      // 64 significant bits are written as 0.
      this.#out.bits((64 - leading - trailing) & 63, 6)
    }
    writeMiddle(this.#out, high, low, this.#leading, this.#trailing)
  }

  /** The samples so far; the writer may go on. */
  chunk(): Chunk {
    return { bytes: this.#out.bytes.slice(0, this.size), count: this.#count, first: this.#first, last: this.#last }
  }
}

function trailingZeros(value: number): number {
  return value === 0 ? 32 : 31 - Math.clz32(value & -value)
}

function writeMiddle(out: BitWriter, high: number, low: number, leading: number, trailing: number): void {
  const end = 64 - trailing
  if (leading < 32) {
    const highEnd = Math.min(32, end)
    out.bits(high >>> (32 - highEnd), highEnd - leading)
  }
  if (end > 32) {
    const start = Math.max(leading, 32)
    out.bits((low >>> trailing) & (end - start === 32 ? 0xffffffff : 2 ** (end - start) - 1), end - start)
  }
}

/** Calls `each` for every sample. Throws CodedError `CorruptChunk` when the bytes end too early. */
export function readChunk({ bytes, count }: Chunk, each: (t: number, v: number) => void): void {
  const input = new BitReader(bytes)
  let t = input.bits(32) * 2 ** 32 + input.bits(32)
  let [high, low] = [input.bits(32), input.bits(32)]
  let delta = 0
  let [leading, trailing] = [0, 0]
  for (let index = 0; index < count; index++) {
    if (index > 0) {
      delta += readChange(input)
      t += delta
      if (input.bit() === 1) {
        if (input.bit() === 1) {
          leading = input.bits(5)
          trailing = 64 - leading - (input.bits(6) || 64)
        }
        const [h, l] = readMiddle(input, leading, trailing)
        high = (high ^ h) >>> 0
        low = (low ^ l) >>> 0
      }
    }
    if (input.at > bytes.length * 8) throw new CodedError({ code: 'CorruptChunk', message: `a chunk of ${count} samples ends after ${index}` })
    each(t, valueOf(high, low))
  }
}

function readChange(input: BitReader): number {
  if (input.bit() === 0) return 0
  for (const [, , width] of widths) {
    if (input.bit() === 1) continue
    const value = input.bits(width)
    return value >= 2 ** (width - 1) ? value - 2 ** width : value
  }
  return (input.bits(32) | 0) * 2 ** 32 + input.bits(32)
}

function readMiddle(input: BitReader, leading: number, trailing: number): readonly [high: number, low: number] {
  const end = 64 - trailing
  const highEnd = Math.min(32, end)
  const high = leading < 32 ? (input.bits(highEnd - leading) << (32 - highEnd)) >>> 0 : 0
  const start = Math.max(leading, 32)
  const low = end > 32 ? (input.bits(end - start) << trailing) >>> 0 : 0
  return [high, low]
}
