import { broken } from './pack-entry.ts'

/** The object that a difference makes of its base (gitformat-pack, "deltified representation"). Throws CodedError `GitCorrupt`. */
export function applyDelta(base: Buffer, delta: Buffer): Buffer {
  let at = 0
  const number = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = delta[at++] ?? 0
      value += (byte & 0x7f) * scale
      if ((byte & 0x80) === 0) return value
    }
  }
  if (number() !== base.length) throw broken('a difference belongs to another base')
  const size = number()
  if (size > 2 ** 31) throw broken('a difference makes an object of more than 2 GiB')
  const result = Buffer.allocUnsafe(size)
  let written = 0
  while (at < delta.length) {
    const command = delta[at++] ?? 0
    if (command === 0) throw broken('a difference has an unknown command')
    if ((command & 0x80) === 0) {
      if (at + command > delta.length || written + command > size) throw broken('a difference is cut off')
      written += delta.copy(result, written, at, at + command)
      at += command
      continue
    }
    let offset = 0
    let length = 0
    for (let i = 0; i < 4; i++) if ((command & (1 << i)) !== 0) offset += (delta[at++] ?? 0) * 256 ** i
    for (let i = 0; i < 3; i++) if ((command & (0x10 << i)) !== 0) length += (delta[at++] ?? 0) * 256 ** i
    if (length === 0) length = 0x10000
    if (offset + length > base.length || written + length > size) throw broken('a difference copies what is not there')
    written += base.copy(result, written, offset, offset + length)
  }
  if (written !== size) throw broken('a difference makes less than it says')
  return result
}
