import { CodedError } from '@idp/kit'

/** A file of a volume kept in memory; content may be made when it is first read (tokens). */
export interface MemoryFile { readonly content: Uint8Array | (() => Promise<Uint8Array>); readonly mode?: number }

/** What is mounted: files in memory that the node agent keeps current, or a directory of the machine. */
export type Volume = MemoryVolume | DirectoryVolume

export interface MemoryVolume {
  readonly type: 'memory'
  /** By relative path. Read anew for each access, so that updates show. */
  files(): ReadonlyMap<string, MemoryFile>
  onChange(changed: () => void): Disposable
}

export interface DirectoryVolume {
  readonly type: 'directory'
  /** Absolute path on the machine. */
  readonly root: string
  /** Symbolic links may lead anywhere below this directory, and nowhere else; `root` by default. */
  readonly boundary?: string
}

/** A mount of a container. `path` is absolute. */
export interface Mount {
  readonly path: string
  readonly volume: Volume
  /** A file or directory of the volume to mount instead of its root. */
  readonly subPath?: string
  readonly readOnly?: boolean
}

/** A MemoryVolume that its owner replaces as a whole. */
export interface WritableMemoryVolume extends MemoryVolume { replace(files: ReadonlyMap<string, MemoryFile>): void }

export function memoryVolume(initial: ReadonlyMap<string, MemoryFile> = new Map()): WritableMemoryVolume {
  let files = initial
  const listeners = new Set<() => void>()
  return {
    type: 'memory',
    files: () => files,
    replace(next) {
      files = next
      for (const changed of listeners) changed()
    },
    onChange(changed) {
      listeners.add(changed)
      return { [Symbol.dispose]: () => void listeners.delete(changed) }
    },
  }
}

/** A relative path inside a volume, as the API allows it: no absolute path, no `..`. Throws `PathInvalid`. */
export function volumePath(path: string, where: string): string {
  const parts = path.split('/').filter((p) => p !== '' && p !== '.')
  if (path.startsWith('/') || parts.includes('..') || path.includes('\0')) {
    throw new CodedError({ code: 'PathInvalid', message: `path ${JSON.stringify(path)} must be relative and must not contain '..'`, where, remedy: 'name a path inside the volume' })
  }
  return parts.join('/')
}
