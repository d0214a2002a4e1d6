import { crc32 } from 'node:zlib'

/** Bytes before a record's payload. */
export const recordHead = 8

/** One record of a file that only grows: `length (4 bytes) · CRC-32 (4 bytes) · payload`. */
export function record(payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(recordHead + payload.length)
  bytes.set(payload, recordHead)
  frameRecord(bytes, 0, payload.length)
  return bytes
}

/** Writes the head of the record at `at`, whose payload of `length` bytes stands behind it already. */
export function frameRecord(bytes: Uint8Array, at: number, length: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  view.setUint32(at, length)
  view.setUint32(at + 4, crc32(bytes.subarray(at + recordHead, at + recordHead + length)))
}

/** Hands every sound record to `each`, up to the first that is torn or damaged, which is where a kill struck; gives how many bytes were sound. */
export function readRecords(bytes: Uint8Array, each: (payload: Uint8Array) => void): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  while (at + 9 <= bytes.length) {
    const length = view.getUint32(at)
    const payload = bytes.subarray(at + 8, at + 8 + length)
    if (length === 0 || payload.length < length || crc32(payload) !== view.getUint32(at + 4)) break
    each(payload)
    at += 8 + length
  }
  return at
}

/** Byte arrays one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
