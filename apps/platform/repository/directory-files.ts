import { readFile, readdir, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { CodedError, type FileTree } from '@idp/kit'

const absent = (error: NodeJS.ErrnoException): undefined => {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EISDIR') return undefined
  throw error
}

/** The files below a directory of this machine. A path or a link that leads out of it throws CodedError `PathOutsideTree`. */
export function directoryFiles(directory: string): FileTree {
  const root = realpath(directory)
  const inside = async (path: string): Promise<string | undefined> => {
    const base = await root
    const real = await realpath(join(base, path)).catch(absent)
    if (real === undefined || real === base || real.startsWith(base + sep)) return real
    throw new CodedError({ code: 'PathOutsideTree', message: `${path} leads out of the directory`, where: directory })
  }
  return {
    async read(path) {
      const file = await inside(path)
      return file === undefined ? undefined : readFile(file).catch(absent)
    },
    async list(path) {
      const folder = await inside(path)
      const entries = folder === undefined ? undefined : await readdir(folder, { withFileTypes: true }).catch(absent)
      return entries?.map((entry) => ({ name: entry.name, directory: entry.isDirectory() })).sort((a, b) => (a.name < b.name ? -1 : 1))
    },
  }
}
