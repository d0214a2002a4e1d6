import { createCipheriv, createDecipheriv } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Random } from '@idp/kit'

/**
 * Files of the store are sequences of frames:
 *
 *     magic "IDPF" (4) · payload length (4, LE) · CRC-32 of the payload (4, LE) · payload
 *
 * With a key, a payload is `iv (12) · tag (16) · ciphertext` (AES-256-GCM), bound to its file and offset, so that frames
 * cannot be swapped. One frame is one write to the disk: after a crash at most the last one is incomplete.
 */
const MAGIC = 0x46504449
const HEADER = 12
const LARGEST = 1 << 30

/** Turns payloads into frames and back for one file. */
export interface FrameCodec {
  encode(payload: Uint8Array, offset: number): Buffer
  /** The payload, `bad` when the bytes are damaged or cut off, `sealed` when they are whole but the key does not open them. */
  decode(file: Buffer, offset: number): { payload: Buffer; next: number } | 'bad' | 'sealed'
}

/** @param file name of the file, part of what is authenticated */
export function frameCodec(file: string, key: Uint8Array | undefined, random: Random): FrameCodec {
  const bound = (offset: number): Buffer => Buffer.from(`${file}:${offset}`)
  return {
    encode(payload, offset) {
      const body = key === undefined ? payload : seal(key, payload, bound(offset), random(12))
      const frame = Buffer.allocUnsafe(HEADER + body.length)
      frame.writeUInt32LE(MAGIC, 0)
      frame.writeUInt32LE(body.length, 4)
      frame.writeUInt32LE(crc32(body), 8)
      frame.set(body, HEADER)
      return frame
    },
    decode(bytes, offset) {
      const end = frameEnd(bytes, offset)
      if (end === undefined) return 'bad'
      const body = bytes.subarray(offset + HEADER, end)
      if (key === undefined) return { payload: body, next: end }
      const payload = unseal(key, body, bound(offset))
      return payload === undefined ? 'sealed' : { payload, next: end }
    },
  }
}

/** Offset of the next whole frame at `offset` or later, or undefined. Tells a torn tail (none follows) from damage in the middle. */
export function findFrame(bytes: Buffer, offset: number): number | undefined {
  const magic = Buffer.alloc(4)
  magic.writeUInt32LE(MAGIC, 0)
  for (let at = bytes.indexOf(magic, offset); at >= 0; at = bytes.indexOf(magic, at + 1)) if (frameEnd(bytes, at) !== undefined) return at
  return undefined
}

/** Where a whole, undamaged frame that starts at `offset` ends. */
function frameEnd(bytes: Buffer, offset: number): number | undefined {
  if (offset + HEADER > bytes.length || bytes.readUInt32LE(offset) !== MAGIC) return undefined
  const length = bytes.readUInt32LE(offset + 4)
  const end = offset + HEADER + length
  if (length > LARGEST || end > bytes.length) return undefined
  return crc32(bytes.subarray(offset + HEADER, end)) === bytes.readUInt32LE(offset + 8) ? end : undefined
}

function seal(key: Uint8Array, payload: Uint8Array, bound: Buffer, iv: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  cipher.setAAD(bound)
  const text = Buffer.concat([cipher.update(payload), cipher.final()])
  return Buffer.concat([iv, cipher.getAuthTag(), text])
}

function unseal(key: Uint8Array, body: Buffer, bound: Buffer): Buffer | undefined {
  if (body.length < 28) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, body.subarray(0, 12))
  decipher.setAAD(bound)
  decipher.setAuthTag(body.subarray(12, 28))
  try {
    return Buffer.concat([decipher.update(body.subarray(28)), decipher.final()])
  } catch {
    return undefined // the tag does not fit: wrong key or tampered bytes; the caller names file and offset
  }
}
