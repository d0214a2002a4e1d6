/**
 * A set of files as a value: what renderers read. Paths are relative, with `/`, without `.` or `..`.
 * Backed by a directory, a Git commit, an archive or memory; a reader cannot tell and cannot leave the tree.
 */
export interface FileTree {
  /** Contents, or undefined when there is no such file. */
  read(path: string): Promise<Uint8Array | undefined>
  /** Names of files and directories directly below `path` ('' is the root), sorted; undefined when it is not a directory. */
  list(path: string): Promise<readonly FileEntry[] | undefined>
}

export interface FileEntry { readonly name: string; readonly directory: boolean }

/** A tree in memory, from path to contents. */
export function memoryFiles(files: Readonly<Record<string, string | Uint8Array>>): FileTree {
  const encoder = new TextEncoder()
  return {
    async read(path) {
      const found = Object.hasOwn(files, path) ? files[path] : undefined
      return typeof found === 'string' ? encoder.encode(found) : found
    },
    async list(path) {
      const prefix = path === '' ? '' : `${path}/`
      const entries = new Map<string, FileEntry>()
      for (const file of Object.keys(files)) {
        if (!file.startsWith(prefix)) continue
        const [name = '', ...rest] = file.slice(prefix.length).split('/')
        entries.set(name, { name, directory: rest.length > 0 })
      }
      if (entries.size === 0 && path !== '') return undefined
      return [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
    },
  }
}
