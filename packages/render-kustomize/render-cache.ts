import type { JsonObject } from '@idp/formats'
import type { Accumulation } from './accumulate.ts'
import type { Loader, ReadLog } from './loader.ts'

/**
 * Keeps what earlier builds of the same tree read and made, by content: a file that did not change is not parsed again, a base none of
 * whose files changed is not built again. Whoever holds a cache must not change the objects that builds return.
 */
export interface RenderCache {
  parse(source: string, text: string, read: (text: string, source: string) => JsonObject[]): JsonObject[]
  base(loader: Loader, work: () => Promise<Accumulation>): Promise<Accumulation>
}

interface Base { readonly reads: ReadLog; readonly result: Accumulation }

/** A cache for one caller's builds, with at most `limit` files and as many bases. */
export function createRenderCache(limit = 20_000): RenderCache {
  const files = new Map<string, { text: string; objects: JsonObject[] }>()
  const bases = new Map<string, Base>()
  return {
    parse(source, text, read) {
      const known = files.get(source)
      if (known !== undefined && known.text === text) return known.objects
      const objects = read(text, source)
      remember(files, source, { text, objects }, limit)
      return objects
    },
    async base(loader, work) {
      const known = bases.get(loader.root)
      if (known !== undefined && (await unchanged(known.reads, loader))) {
        for (const [key, read] of known.reads) loader.reads.set(key, { ...read, files: loader.files })
        return known.result
      }
      const result = await work()
      remember(bases, loader.root, { reads: new Map(loader.reads), result }, limit)
      return result
    },
  }
}

function remember<V>(map: Map<string, V>, key: string, value: V, limit: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= limit) return
  const oldest = map.keys().next()
  if (oldest.done !== true) map.delete(oldest.value)
}

async function unchanged(reads: ReadLog, loader: Loader): Promise<boolean> {
  for (const { path, content } of reads.values()) if (!sameBytes(await loader.files.read(path), content)) return false
  return true
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined || a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
