import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FileTree } from '@idp/kit'

/** The files of a directory on disk as a tree. Names that cannot be read are not there. */
export function folderFiles(root: string): FileTree {
  return {
    read: (path) => readFile(join(root, path)).catch(() => undefined),
    list: async (path) => {
      const entries = await readdir(join(root, path), { withFileTypes: true }).catch(() => undefined)
      return entries?.map((entry) => ({ name: entry.name, directory: entry.isDirectory() })).sort((a, b) => (a.name < b.name ? -1 : 1))
    },
  }
}
