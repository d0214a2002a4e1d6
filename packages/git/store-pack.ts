import { createHash } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'
import { applyDelta } from './delta.ts'
import { packEntry, packHead, sealed } from './make-pack.ts'
import type { ObjectStore, ObjectType } from './object-store.ts'
import { broken, entryHead, entryHeader, inflateAt, type EntryHeader } from './pack-entry.ts'
import { writePackIndex, type IndexedEntry } from './pack-index.ts'

/** What a pack brought. */
export interface StoredObject { readonly id: string; readonly type: ObjectType; readonly content: Buffer }

interface Entry { readonly offset: number; readonly header: EntryHeader; readonly content: Buffer; readonly crc: number; object: StoredObject | undefined }

export interface StorePackOptions {
  /** The repository's own objects: bases of a thin pack are looked up there. */
  readonly store: ObjectStore
  /** Files and their folder are on the disk before the call resolves. */
  readonly durable: boolean
}

/** Bytes that one pack may inflate to. */
const inflatedLimit = 1024 * 2 ** 20

/**
 * Checks a pack, completes it where it is thin, and adds it to a repository. Few objects become files of their own, as git has it,
 * so that many small pushes do not become many packs. Throws CodedError `GitCorrupt`; then nothing was added.
 */
export async function storePack(dir: string, pack: Buffer, { store, durable }: StorePackOptions): Promise<readonly StoredObject[]> {
  const { entries, end } = readEntries(pack)
  const bases = await resolveAll(entries, store)
  const objects = entries.map(({ object }) => object as StoredObject) // resolveAll gave every entry its object, or threw
  if (objects.length < packFrom) {
    await storeLoose(dir, objects, durable)
    return objects
  }
  const indexed: IndexedEntry[] = entries.map(({ offset, crc }, at) => ({ id: objects[at]?.id ?? '', offset, crc }))
  await placePack(dir, bases.length === 0 ? pack.subarray(0, end + 20) : withBases(pack.subarray(0, end), bases, indexed), indexed, durable)
  return objects
}

/** Adds objects that were made here to a repository. */
export async function storeObjects(dir: string, objects: readonly StoredObject[], { durable }: { readonly durable: boolean }): Promise<void> {
  if (objects.length < packFrom) return storeLoose(dir, objects, durable)
  const indexed: IndexedEntry[] = []
  const parts = [packHead(objects.length)]
  let offset = 12
  for (const { id, type, content } of objects) {
    const entry = packEntry(type, content)
    indexed.push({ id, crc: crc32(entry), offset })
    parts.push(entry)
    offset += entry.length
  }
  await placePack(dir, sealed(parts), indexed, durable)
}

/** From so many objects on they are stored as a pack. */
const packFrom = 100

async function storeLoose(dir: string, objects: readonly StoredObject[], durable: boolean): Promise<void> {
  const folders = new Set<string>()
  // Commits last: what they name is there by then.
  for (const { id, type, content } of [...objects].sort((a, b) => Number(a.type === 'commit') - Number(b.type === 'commit'))) {
    const folder = join(dir, 'objects', id.slice(0, 2))
    if (!folders.has(folder)) await mkdir(folder, { recursive: true, mode: 0o700 })
    folders.add(folder)
    await place(join(folder, id.slice(2)), deflateSync(Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content]), { level: 1 }), durable)
  }
  if (durable) for (const folder of [...folders, join(dir, 'objects')]) await syncFolder(folder)
}

async function placePack(dir: string, pack: Buffer, indexed: readonly IndexedEntry[], durable: boolean): Promise<void> {
  const checksum = pack.subarray(pack.length - 20)
  const folder = join(dir, 'objects', 'pack')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const name = join(folder, `pack-${checksum.toString('hex')}`)
  // The index comes last: without it nobody looks at the pack.
  await place(`${name}.pack`, pack, durable)
  await place(`${name}.idx`, writePackIndex(indexed, checksum), durable)
  if (durable) await syncFolder(folder)
}

function readEntries(pack: Buffer): { entries: Entry[]; end: number } {
  if (pack.length < 32 || pack.toString('latin1', 0, 4) !== 'PACK' || pack.readUInt32BE(4) !== 2) throw broken('it does not begin like one')
  const entries: Entry[] = []
  let at = 12
  let inflated = 0
  for (let left = pack.readUInt32BE(8); left > 0; left--) {
    if (at >= pack.length - 20) throw broken('it is cut off')
    const header = entryHeader(pack, at)
    inflated += header.size
    if (inflated > inflatedLimit) throw broken('it inflates to more than 1 GiB')
    const { content, consumed } = inflateAt(pack, at + header.length, header.size)
    const next = at + header.length + consumed
    entries.push({ offset: at, header, content, crc: crc32(pack.subarray(at, next)), object: undefined })
    at = next
  }
  if (!createHash('sha1').update(pack.subarray(0, at)).digest().equals(pack.subarray(at, at + 20))) throw broken('its checksum is wrong')
  return { entries, end: at }
}

/** Gives every entry its object. Returns the objects that are not in the pack and that others of it are differences to. */
async function resolveAll(entries: readonly Entry[], store: ObjectStore): Promise<StoredObject[]> {
  const byOffset = new Map(entries.map((entry) => [entry.offset, entry]))
  const byId = new Map<string, StoredObject>()
  const bases = new Map<string, StoredObject>()
  const take = (entry: Entry, type: ObjectType, content: Buffer): void => {
    entry.object = stored(type, content)
    byId.set(entry.object.id, entry.object)
  }
  const baseOf = ({ header, offset }: Entry): StoredObject | undefined =>
    header.type === 'ofs-delta' ? byOffset.get(offset - (header.back ?? 0))?.object : byId.get(header.base ?? '') ?? bases.get(header.base ?? '')
  let open: Entry[] = []
  for (const entry of entries) {
    const { type } = entry.header
    if (type === 'ofs-delta' || type === 'ref-delta') open.push(entry)
    else take(entry, type, entry.content)
  }
  while (open.length > 0) {
    const left = open.filter((entry) => {
      const base = baseOf(entry)
      if (base !== undefined) take(entry, base.type, applyDelta(base.content, entry.content))
      return base === undefined
    })
    if (left.length === open.length) await findBases(left, bases, store)
    open = left
  }
  return [...bases.values()]
}

/** Brings bases from the repository; throws when none of what is missing is there. */
async function findBases(left: readonly Entry[], bases: Map<string, StoredObject>, store: ObjectStore): Promise<void> {
  let found = 0
  for (const id of new Set(left.map(({ header }) => header.base).filter((base) => base !== undefined))) {
    const object = bases.has(id) ? undefined : await store.read(id)
    if (object === undefined) continue
    bases.set(id, object)
    found++
  }
  if (found === 0) throw broken('an entry is a difference to an object that is nowhere')
}

function stored(type: ObjectType, content: Buffer): StoredObject {
  return { id: objectId(type, content), type, content }
}

export function objectId(type: ObjectType, content: Buffer): string {
  return createHash('sha1').update(`${type} ${content.length}\0`).update(content).digest('hex')
}

/** The pack with more entries at its end, and what they are called in `indexed`. */
function withBases(body: Buffer, bases: readonly StoredObject[], indexed: IndexedEntry[]): Buffer {
  const parts: Buffer[] = [Buffer.from(body)]
  let offset = body.length
  for (const { id, type, content } of bases) {
    const entry = Buffer.concat([entryHead(type, content.length), deflateSync(content)])
    indexed.push({ id, crc: crc32(entry), offset })
    parts.push(entry)
    offset += entry.length
  }
  parts[0]?.writeUInt32BE(indexed.length, 8)
  return sealed(parts)
}

let placed = 0

/** Writes a file beside its place, under a name that git takes for nothing else, and moves it there when it is whole. */
export async function place(path: string, bytes: Buffer, durable: boolean): Promise<void> {
  // A name of its own for each: two may bring the same object at the same time.
  const part = join(dirname(path), `tmp_obj_${process.pid}_${placed++}.lock`)
  const file = await open(part, 'w', 0o600)
  try {
    try {
      await file.writeFile(bytes)
      if (durable) await file.sync()
    } finally {
      await file.close()
    }
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true }).catch(() => {})
    throw error
  }
}

/** A new name in a folder lasts when the folder is on the disk. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
