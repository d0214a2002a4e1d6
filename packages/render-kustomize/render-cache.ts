import type { FileTree } from '@idp/kit'
import type { Accumulation } from './accumulate.ts'
import { NEVER_READ, readFile, type Loader, type Read, type ReadLog, type Round } from './loader.ts'

/**
 * Keeps what earlier builds of the same tree read and made, by content: a file that did not change is not parsed again, a base none of
 * whose files changed is not built again, and a transformation that is still the same knows the resources it has seen.
 * Whoever holds a cache must not change the objects that builds return.
 */
export interface RenderCache {
  /** A build begins; `changed` are the paths of all files that changed, came or went since the last one, when the caller knows them. */
  begin(changed: readonly string[] | undefined): Round
  /** What `read` makes of a file's bytes; `kind` tells different readings of one file apart. */
  parsed<T>(kind: string, source: string, content: Uint8Array, read: () => T): T
  /** The result of building a base, while all that was read for it is the same. */
  base(loader: Loader, settings: string, work: (loader: Loader) => Promise<Accumulation>): Promise<Accumulation>
  /** True for a directory that was built before. */
  hasBase(root: string): boolean
  /** Something made for a kustomization, while `given` are the same values and all that was read for it is the same. */
  made<T>(kind: string, loader: Loader, given: readonly unknown[], work: (loader: Loader) => Promise<T>): Promise<T>
}

/** `sure` is the last build for which this was known to hold. */
interface Kept { readonly given: readonly unknown[]; readonly reads: readonly Read[]; readonly result: unknown; sure: number }

/** A cache for one caller's builds that keeps at most `limit` things of each sort. */
export function createRenderCache(limit = 20_000): RenderCache {
  const files = new Map<string, { content: Uint8Array; result: unknown }>()
  const kept = new Map<string, Kept>()
  /** The build for which a path was last named as changed. */
  const changedAt = new Map<string, number>()
  let builds = 0
  /** The last build before which nothing is known of changes. */
  let told = 0
  const holds = async ({ reads, sure }: Kept, loader: Loader): Promise<boolean> => {
    const { round } = loader.source
    // Every build since then said what changed.
    if (round?.told === true && sure >= told) return reads.every(({ path, content }) => content !== NEVER_READ && (changedAt.get(path) ?? 0) <= sure)
    return await unchanged(reads, loader.files)
  }
  async function made<T>(kind: string, loader: Loader, given: readonly unknown[], work: (loader: Loader) => Promise<T>): Promise<T> {
    const key = `${kind}:${loader.root}`
    const known = kept.get(key)
    if (known !== undefined && known.given.every((value, i) => value === given[i]) && (await holds(known, loader))) {
      known.sure = loader.source.round?.number ?? 0
      for (const read of known.reads) loader.reads.set(read.path, read)
      return known.result as T // made under the same key
    }
    const logging = { ...loader, reads: new Map() as ReadLog }
    const result = await work(logging)
    const reads = [...logging.reads.values()]
    for (const read of reads) loader.reads.set(read.path, read)
    remember(kept, key, { given, reads, result, sure: loader.source.round?.number ?? 0 }, limit)
    return result
  }
  return {
    begin(changed) {
      builds++
      if (changed === undefined) told = builds
      else for (const path of changed) changedAt.set(path, builds)
      return { number: builds, told: changed !== undefined }
    },
    parsed(kind, source, content, read) {
      const key = `${kind}:${source}`
      const known = files.get(key)
      if (known !== undefined && sameBytes(known.content, content)) return known.result as ReturnType<typeof read> // read by the same function
      const result = read()
      remember(files, key, { content, result }, limit)
      return result
    },
    made,
    hasBase: (root) => kept.has(`base:${root}`),
    base: (loader, settings, work) => made('base', loader, [settings], work),
  }
}

function remember<V>(map: Map<string, V>, key: string, value: V, limit: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= limit) return
  const oldest = map.keys().next()
  if (oldest.done !== true) map.delete(oldest.value)
}

async function unchanged(reads: readonly Read[], files: FileTree): Promise<boolean> {
  for (const { path, content } of reads) if (!sameBytes(await readFile(files, path), content)) return false
  return true
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined || a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
