import { createHash } from 'node:crypto'
import { CodedError } from '@idp/kit'

/** Where each object of a pack begins (gitformat-pack, version 2 of pack-*.idx). */
export interface PackIndex {
  readonly count: number
  find(id: string): number | undefined
  /** Where the entry that begins at `offset` ends; undefined for the last one. */
  endOf(offset: number): number | undefined
}

const magic = 0xff744f63
const head = 8 + 256 * 4

/** Throws CodedError `GitUnsupported` for another version. */
export function openPackIndex(bytes: Buffer, where: string): PackIndex {
  if (bytes.length < head + 40 || bytes.readUInt32BE(0) !== magic || bytes.readUInt32BE(4) !== 2) throw new CodedError({ code: 'GitUnsupported', message: 'the index of a pack is not of version 2', where, remedy: "'git repack -ad' writes a new one" })
  const count = bytes.readUInt32BE(8 + 255 * 4)
  const offsets = head + count * 24
  const large = offsets + count * 4
  const offsetOf = (row: number): number => {
    const small = bytes.readUInt32BE(offsets + row * 4)
    return small < 0x80000000 ? small : Number(bytes.readBigUInt64BE(large + (small - 0x80000000) * 8))
  }
  let sorted: Float64Array | undefined
  return {
    count,
    find(id) {
      const wanted = Buffer.from(id, 'hex')
      const first = wanted[0] ?? 0
      let low = first === 0 ? 0 : bytes.readUInt32BE(8 + (first - 1) * 4)
      let high = bytes.readUInt32BE(8 + first * 4)
      while (low < high) {
        const middle = (low + high) >>> 1
        const order = bytes.compare(wanted, 0, 20, head + middle * 20, head + middle * 20 + 20)
        if (order === 0) return offsetOf(middle)
        if (order < 0) low = middle + 1
        else high = middle
      }
      return undefined
    },
    endOf(offset) {
      sorted ??= Float64Array.from({ length: count }, (_, row) => offsetOf(row)).sort()
      let low = 0
      let high = sorted.length
      while (low < high) {
        const middle = (low + high) >>> 1
        if ((sorted[middle] ?? 0) <= offset) low = middle + 1
        else high = middle
      }
      return sorted[low]
    },
  }
}

export interface IndexedEntry { readonly id: string; readonly crc: number; readonly offset: number }

/** The index of a pack of less than 2 GiB. `checksum` is the one at the end of the pack. */
export function writePackIndex(entries: readonly IndexedEntry[], checksum: Buffer): Buffer {
  const rows = [...entries].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
  const bytes = Buffer.alloc(head + rows.length * 28 + 40)
  bytes.writeUInt32BE(magic, 0)
  bytes.writeUInt32BE(2, 4)
  rows.forEach(({ id, crc, offset }, row) => {
    bytes.write(id, head + row * 20, 'hex')
    bytes.writeUInt32BE(crc, head + rows.length * 20 + row * 4)
    bytes.writeUInt32BE(offset, head + rows.length * 24 + row * 4)
    const first = parseInt(id.slice(0, 2), 16)
    bytes.writeUInt32BE(row + 1, 8 + first * 4)
  })
  // The fan-out counts what is at or below each first byte.
  for (let first = 1, below = bytes.readUInt32BE(8); first < 256; first++) {
    below = Math.max(below, bytes.readUInt32BE(8 + first * 4))
    bytes.writeUInt32BE(below, 8 + first * 4)
  }
  checksum.copy(bytes, bytes.length - 40)
  createHash('sha1').update(bytes.subarray(0, bytes.length - 20)).digest().copy(bytes, bytes.length - 20)
  return bytes
}
