import { createHash } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { parseTree, treeMode } from './git-tree.ts'
import type { ObjectStore } from './object-store.ts'
import { entryHead } from './pack-entry.ts'
import { parseCommit } from './parse-commit.ts'

export interface Selection {
  /** Commits (or tags) to send, with all they refer to. */
  readonly wants: readonly string[]
  /** What the other side has; ids that are unknown here do not count. */
  readonly haves: readonly string[]
  /** More objects than this give undefined: git itself is better at so many. */
  readonly limit: number
}

/** Ids of the objects that the other side needs; undefined when there are too many, or one is missing here. */
export async function selectObjects(store: ObjectStore, { wants, haves, limit }: Selection): Promise<readonly string[] | undefined> {
  const known = new Set<string>()
  let reads = 0
  const read = async (id: string) => (++reads > limit ? undefined : store.read(id))
  /** Adds a tree and what is in it to `into`; false when something is missing or it is too much. */
  const walkTree = async (id: string, into: Set<string>): Promise<boolean> => {
    if (known.has(id) || into.has(id)) return true
    into.add(id)
    const object = await read(id)
    if (object?.type !== 'tree') return false
    for (const entry of parseTree(object.content)) {
      if (entry.mode === treeMode.submodule) continue
      if (entry.mode !== treeMode.directory) {
        if (!known.has(entry.id)) into.add(entry.id)
      } else if (!(await walkTree(entry.id, into))) return false
    }
    return into.size <= limit
  }
  const chosen = new Set<string>()
  const commits = async (from: readonly string[], visit: (id: string, tree: string) => Promise<boolean>, seen: Set<string>): Promise<boolean> => {
    const open = [...from]
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (seen.has(id) || known.has(id)) continue
      const object = await read(id)
      if (object === undefined) return false
      seen.add(id)
      if (object.type === 'tag') {
        open.push(/^object ([0-9a-f]{40})$/m.exec(object.content.toString('latin1'))?.[1] ?? '')
        continue
      }
      if (object.type !== 'commit') return false
      const { tree, parents } = parseCommit(id, object.content.toString())
      if (!(await visit(id, tree))) return false
      open.push(...parents)
    }
    return true
  }
  const there: string[] = []
  for (const id of new Set(haves)) if (await store.has(id)) there.push(id)
  const old = new Set<string>()
  if (!(await commits(there, (id, tree) => (there.includes(id) ? walkTree(tree, old) : Promise.resolve(true)), old))) return undefined
  for (const id of old) known.add(id)
  return (await commits(wants, (_id, tree) => walkTree(tree, chosen), chosen)) ? [...chosen] : undefined
}

/** A pack of the objects, none as a difference to another. What lies compressed in a pack is copied as it is. */
export async function packOf(store: ObjectStore, ids: readonly string[]): Promise<Buffer> {
  const parts: Buffer[] = [packHead(ids.length)]
  for (const id of ids) {
    const packed = await store.packed(id)
    if (packed !== undefined) {
      parts.push(entryHead(packed.type, packed.size), packed.compressed)
      continue
    }
    const object = await store.read(id)
    if (object === undefined) throw new Error(`object ${id} is gone`)
    parts.push(packEntry(object.type, object.content))
  }
  return sealed(parts)
}

/** What a pack begins with. */
export function packHead(count: number): Buffer {
  const head = Buffer.alloc(12)
  head.write('PACK', 'latin1')
  head.writeUInt32BE(2, 4)
  head.writeUInt32BE(count, 8)
  return head
}

/** One entry of a pack. Speed counts more than size here: it travels within one machine. */
export function packEntry(type: Parameters<typeof entryHead>[0], content: Buffer): Buffer {
  return Buffer.concat([entryHead(type, content.length), deflateSync(content, { level: 1 })])
}

/** Puts the checksum at the end. */
export function sealed(parts: readonly Buffer[]): Buffer {
  const whole = Buffer.concat(parts)
  return Buffer.concat([whole, createHash('sha1').update(whole).digest()])
}
