import { inflateSync, type Inflate } from 'node:zlib'
import { CodedError } from '@idp/kit'
import type { ObjectType } from './object-store.ts'

/** What stands before the compressed bytes of an entry of a pack (gitformat-pack). */
export interface EntryHeader {
  readonly type: ObjectType | 'ofs-delta' | 'ref-delta'
  /** Bytes of the content once it is inflated. */
  readonly size: number
  /** Bytes of the header itself. */
  readonly length: number
  /** Of an `ofs-delta`: how far before this entry its base begins. */
  readonly back?: number
  /** Of a `ref-delta`: the id of its base. */
  readonly base?: string
}

const types: readonly (EntryHeader['type'] | undefined)[] = [undefined, 'commit', 'tree', 'blob', 'tag', undefined, 'ofs-delta', 'ref-delta']

/** Throws CodedError `GitCorrupt`. */
export function entryHeader(bytes: Buffer, at: number): EntryHeader {
  let byte = bytes[at] ?? 0
  const type = types[(byte >> 4) & 7]
  let size = byte & 15
  let length = 1
  for (let scale = 16; (byte & 0x80) !== 0; scale *= 128) {
    byte = bytes[at + length++] ?? 0
    size += (byte & 0x7f) * scale
  }
  if (type === undefined || size > 2 ** 31) throw broken('an entry has no known type')
  if (type === 'ref-delta') return { type, size, length: length + 20, base: bytes.toString('hex', at + length, at + length + 20) }
  if (type !== 'ofs-delta') return { type, size, length }
  byte = bytes[at + length++] ?? 0
  let back = byte & 0x7f
  while ((byte & 0x80) !== 0) {
    byte = bytes[at + length++] ?? 0
    back = (back + 1) * 128 + (byte & 0x7f)
  }
  return { type, size, length, back }
}

/** The content whose compressed bytes begin at `at`, and how many those are. Throws CodedError `GitCorrupt`. */
export function inflateAt(bytes: Buffer, at: number, size: number): { readonly content: Buffer; readonly consumed: number } {
  let result: { buffer: Buffer; engine: Inflate }
  try {
    // One byte more than is announced, so that too much is noticed; with `info` the answer is not only the buffer.
    result = inflateSync(bytes.subarray(at), { info: true, chunkSize: Math.max(64, size + 1), maxOutputLength: size + 1 } as never) as never
  } catch (cause) {
    throw broken('an entry cannot be inflated', cause)
  }
  if (result.buffer.length !== size) throw broken('an entry has another size than it says')
  return { content: result.buffer, consumed: result.engine.bytesWritten }
}

/** Header of an entry that is not a difference. */
export function entryHead(type: ObjectType, size: number): Buffer {
  const head: number[] = []
  let rest = Math.floor(size / 16)
  head.push((types.indexOf(type) << 4) | (size & 15) | (rest > 0 ? 0x80 : 0))
  while (rest > 0) {
    const byte = rest & 0x7f
    rest = Math.floor(rest / 128)
    head.push(byte | (rest > 0 ? 0x80 : 0))
  }
  return Buffer.from(head)
}

export function broken(message: string, cause?: unknown): CodedError {
  return new CodedError({ code: 'GitCorrupt', message: `not a Git pack: ${message}`, ...(cause === undefined ? {} : { cause }) })
}
