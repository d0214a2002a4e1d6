import type { FileHandle } from 'node:fs/promises'
import { open, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'
import { CodedError } from '@idp/kit'
import { applyDelta } from './delta.ts'
import { entryHeader, inflateAt, type EntryHeader } from './pack-entry.ts'
import { openPackIndex, type PackIndex } from './pack-index.ts'

export type ObjectType = 'blob' | 'tree' | 'commit' | 'tag'
export interface GitObject { readonly id: string; readonly type: ObjectType; readonly content: Buffer }

/** An object as it lies in a pack, compressed: it can be copied into another pack as it is. */
export interface PackedObject { readonly type: ObjectType; readonly size: number; readonly compressed: Buffer }

/** The objects of one repository (gitformat-pack, gitformat-loose), read in this process. */
export interface ObjectStore {
  /** Undefined when there is no such object. Throws CodedError `GitCorrupt`. */
  read(id: string): Promise<GitObject | undefined>
  has(id: string): Promise<boolean>
  /** Undefined for what is not in a pack, or is there as a difference to another object. */
  packed(id: string): Promise<PackedObject | undefined>
  /** Ends reading; files that are open are closed. */
  close(): Promise<void>
}

/** Packs up to this are read at once and kept while they are used. */
const wholeLimit = 4 * 2 ** 20
const maxChain = 4_096

/** The whole of a small pack, or the open file of a large one. */
type PackSource = { readonly bytes: Buffer } | { readonly file: FileHandle; readonly size: number }
interface Pack { readonly name: string; readonly index: PackIndex; source: Promise<PackSource> | undefined }

/** @param dir a bare repository, or a `.git`. Nothing is read until it is used. */
export function openObjectStore(dir: string): ObjectStore {
  const folder = join(dir, 'objects', 'pack')
  const packs = new Map<string, Pack>()
  let alternates: Promise<readonly ObjectStore[]> | undefined
  let first: Promise<void> | undefined

  /** Looks for packs that have come. Each call looks for itself: what an earlier one listed may be older than what the caller waits for. */
  const loadPacks = async (): Promise<void> => {
    const names = (await readdir(folder).catch(absentAs<string[]>([]))).filter((name) => name.endsWith('.idx')).map((name) => name.slice(0, -4))
    for (const name of names.filter((one) => !packs.has(one))) {
      const index = openPackIndex(await readFile(join(folder, `${name}.idx`)), join(folder, name))
      if (!packs.has(name)) packs.set(name, { name, index, source: undefined })
    }
  }
  const loadOnce = (): Promise<void> => (first ??= loadPacks().catch((error: unknown) => { first = undefined; throw error }))
  const find = (id: string): { pack: Pack; offset: number } | undefined => {
    for (const pack of packs.values()) {
      const offset = pack.index.find(id)
      if (offset !== undefined) return { pack, offset }
    }
    return undefined
  }
  /** The bytes of a pack from `offset` to the end of the entry that begins there. */
  const bytesAt = async (pack: Pack, offset: number): Promise<Buffer> => {
    // A pack that git has replaced meanwhile is forgotten; the next look finds its successor.
    pack.source ??= openPack(join(folder, `${pack.name}.pack`)).catch((error: unknown) => { packs.delete(pack.name); throw error })
    const source = await pack.source
    const end = pack.index.endOf(offset) ?? ('bytes' in source ? source.bytes.length : source.size) - 20
    return 'bytes' in source ? source.bytes.subarray(offset, end) : readExactly(source.file, offset, end - offset)
  }
  const readPacked = async (id: string, first: { pack: Pack; offset: number }): Promise<GitObject> => {
    const deltas: Buffer[] = []
    const { pack } = first
    let { offset } = first
    for (;;) {
      if (deltas.length > maxChain) throw corrupt(dir, `object ${id} is a chain of more than ${maxChain} differences`)
      const bytes = await bytesAt(pack, offset)
      const header = entryHeader(bytes, 0)
      const content = inflateAt(bytes, header.length, header.size).content
      if (header.type !== 'ofs-delta' && header.type !== 'ref-delta') return { id, type: header.type, content: rebuilt(content, deltas) }
      deltas.push(content)
      const base = baseOf(header, offset, pack)
      if (typeof base === 'string') {
        const object = await store.read(base)
        if (object === undefined) throw corrupt(dir, `object ${id} is a difference to ${base}, which is missing`)
        return { id, type: object.type, content: rebuilt(object.content, deltas) }
      }
      offset = base
    }
  }
  /** The base of a difference: an offset in the same pack, or the id of an object elsewhere. */
  const baseOf = (header: EntryHeader, offset: number, pack: Pack): number | string => {
    if (header.type === 'ofs-delta') return offset - (header.back ?? 0)
    const base = header.base ?? ''
    return pack.index.find(base) ?? base
  }
  const readLoose = async (id: string): Promise<GitObject | undefined> => {
    const file = await readFile(join(dir, 'objects', id.slice(0, 2), id.slice(2))).catch(absentAs<Buffer | undefined>(undefined))
    return file === undefined ? undefined : looseObject(id, file, dir)
  }
  const others = (): Promise<readonly ObjectStore[]> => {
    alternates ??= (async () => {
      const text = await readFile(join(dir, 'objects', 'info', 'alternates'), 'utf8').catch(absentAs(''))
      return text.split('\n').filter((line) => line.startsWith('/')).map((line) => openObjectStore(join(line, '..')))
    })()
    return alternates
  }
  const store: ObjectStore = {
    async read(id) {
      await loadOnce()
      const found = find(id)
      if (found !== undefined) return readPacked(id, found)
      const loose = await readLoose(id)
      if (loose !== undefined) return loose
      await loadPacks()
      const come = find(id)
      if (come !== undefined) return readPacked(id, come)
      for (const other of await others()) {
        const object = await other.read(id)
        if (object !== undefined) return object
      }
      return undefined
    },
    async has(id) {
      return find(id) !== undefined || (await store.read(id)) !== undefined
    },
    async packed(id) {
      await loadOnce()
      const found = find(id)
      if (found === undefined) return undefined
      const bytes = await bytesAt(found.pack, found.offset)
      const { type, size, length } = entryHeader(bytes, 0)
      return type === 'ofs-delta' || type === 'ref-delta' ? undefined : { type, size, compressed: bytes.subarray(length) }
    },
    async close() {
      for (const { source } of packs.values()) {
        const opened = await source
        if (opened !== undefined && 'file' in opened) await opened.file.close()
      }
      packs.clear()
      first = undefined
      for (const other of await (alternates ?? [])) await other.close()
    },
  }
  return store
}

async function openPack(path: string): Promise<PackSource> {
  const file = await open(path)
  const { size } = await file.stat()
  if (size > wholeLimit) return { file, size }
  try {
    return { bytes: await readExactly(file, 0, size) }
  } finally {
    await file.close()
  }
}

function rebuilt(base: Buffer, deltas: readonly Buffer[]): Buffer {
  return deltas.reduceRight((content, delta) => applyDelta(content, delta), base)
}

async function readExactly(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  let read = 0
  while (read < length) {
    const { bytesRead } = await file.read(bytes, read, length - read, position + read)
    if (bytesRead === 0) break
    read += bytesRead
  }
  return bytes.subarray(0, read)
}

function looseObject(id: string, file: Buffer, dir: string): GitObject {
  const all = inflateSync(file)
  const end = all.indexOf(0)
  const [type = '', size = ''] = all.toString('latin1', 0, Math.max(0, end)).split(' ')
  if (!/^(blob|tree|commit|tag)$/.test(type) || Number(size) !== all.length - end - 1) throw corrupt(dir, `object ${id} has no header`)
  return { id, type: type as ObjectType, content: all.subarray(end + 1) }
}

function absentAs<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return value
    throw error
  }
}

function corrupt(dir: string, message: string): CodedError {
  return new CodedError({ code: 'GitCorrupt', message, where: dir, remedy: "'git fsck' says more; a new clone mends it" })
}
