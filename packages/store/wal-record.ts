import type { Entry, Revision, Write } from './store.ts'

/** What a frame's payload says; its first byte is the type. */
export type WalRecord =
  | { readonly type: 'commits'; readonly commits: readonly Commit[] }
  | { readonly type: 'compact'; readonly before: Revision }
  | { readonly type: 'entries'; readonly entries: readonly Entry[] }
  /** Last frame of a snapshot: how many entries it holds. */
  | { readonly type: 'end'; readonly count: number }
  /** The process closed the log on purpose: a damaged frame before it was no crash. */
  | { readonly type: 'closed' }

export interface Commit { readonly revision: Revision; readonly writes: readonly Write[] }

const types = ['commits', 'compact', 'entries', 'end', 'closed'] as const

/** Numbers are 6 bytes little-endian (revisions), or 4 (counts and lengths); keys are UTF-8. */
export function encodeRecord(record: WalRecord): Buffer {
  const out = Buffer.allocUnsafe(sizeOf(record))
  let at = out.writeUInt8(types.indexOf(record.type), 0)
  const bytes = (value: Uint8Array): void => {
    at = out.writeUInt32LE(value.length, at)
    out.set(value, at)
    at += value.length
  }
  const text = (value: string): void => {
    const length = out.write(value, at + 4)
    out.writeUInt32LE(length, at)
    at += 4 + length
  }
  const revision = (value: number): void => { at = out.writeUIntLE(value, at, 6) }
  if (record.type === 'commits') {
    for (const commit of record.commits) {
      revision(commit.revision)
      at = out.writeUInt32LE(commit.writes.length, at)
      for (const write of commit.writes) {
        at = out.writeUInt8('put' in write ? 1 : 0, at)
        text('put' in write ? write.put : write.delete)
        if ('put' in write) bytes(write.value)
      }
    }
  } else if (record.type === 'entries') {
    for (const entry of record.entries) {
      text(entry.key)
      revision(entry.created)
      revision(entry.revision)
      bytes(entry.value)
    }
  } else if (record.type === 'compact') revision(record.before)
  else if (record.type === 'end') revision(record.count)
  return out
}

/** @throws RangeError when the bytes are no record (a checksum collision or a bug); the caller names file and offset. */
export function decodeRecord(payload: Buffer): WalRecord {
  let at = 1
  const number = (): number => payload.readUInt32LE((at += 4) - 4)
  const revision = (): number => payload.readUIntLE((at += 6) - 6, 6)
  const slice = (): Buffer => {
    const length = number()
    if (at + length > payload.length) throw new RangeError('a length points beyond the record')
    return payload.subarray(at, (at += length))
  }
  // Copies, so that a value does not keep its whole log segment in memory.
  const value = (): Uint8Array => new Uint8Array(slice())
  switch (types[payload.readUInt8(0)]) {
    case 'commits': {
      const commits: Commit[] = []
      while (at < payload.length) {
        const committed = revision()
        const writes: Write[] = []
        for (let n = number(); n > 0; n--) writes.push(payload.readUInt8(next()) === 1 ? { put: slice().toString(), value: value() } : { delete: slice().toString() })
        commits.push({ revision: committed, writes })
      }
      return { type: 'commits', commits }
    }
    case 'entries': {
      const entries: Entry[] = []
      while (at < payload.length) entries.push({ key: slice().toString(), created: revision(), revision: revision(), value: value() })
      return { type: 'entries', entries }
    }
    case 'compact': return { type: 'compact', before: revision() }
    case 'end': return { type: 'end', count: revision() }
    case 'closed': return { type: 'closed' }
    default: throw new RangeError('the record has an unknown type')
  }
  function next(): number {
    return at++
  }
}

function sizeOf(record: WalRecord): number {
  let size = 1
  if (record.type === 'commits') {
    for (const commit of record.commits) {
      size += 10
      for (const write of commit.writes) size += sizeOfWrite(write)
    }
  } else if (record.type === 'entries') {
    for (const entry of record.entries) size += 20 + Buffer.byteLength(entry.key) + entry.value.length
  } else if (record.type !== 'closed') size += 6
  return size
}

/** Bytes a write takes in a record. */
export function sizeOfWrite(write: Write): number {
  return 'put' in write ? 9 + Buffer.byteLength(write.put) + write.value.length : 5 + Buffer.byteLength(write.delete)
}
