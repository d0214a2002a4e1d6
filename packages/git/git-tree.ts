import { CodedError, type FileEntry, type FileTree } from '@idp/kit'

/** One row of a tree object. */
export interface TreeEntry {
  readonly name: string
  /** As in git: 040000 directory, 100644 and 100755 file, 120000 symbolic link, 160000 submodule. */
  readonly mode: number
  readonly id: string
}

export const treeMode = { directory: 0o040000, executable: 0o100755, link: 0o120000, submodule: 0o160000 } as const

/** The files of one tree object. Equal `id`s mean equal contents, so that what was made from a folder can be kept by its id. */
export interface GitTree extends FileTree {
  /** Object id of the root. */
  readonly id: string
  /** Object id of the file or folder at `path`, after following symbolic links; undefined when there is none. */
  idOf(path: string): Promise<string | undefined>
}

/** Where a tree's objects come from. */
export interface TreeObjects {
  entries(treeId: string): Promise<readonly TreeEntry[] | undefined>
  blob(id: string): Promise<Uint8Array | undefined>
}

const maxLinks = 16

/** Throws CodedError `LinkOutsideTree` when a symbolic link leads out of the tree, `PathOutsideTree` for `..` and absolute paths. */
export function gitTree(objects: TreeObjects, id: string): GitTree {
  const root: TreeEntry = { name: '', mode: treeMode.directory, id }
  const locate = (path: string): Promise<TreeEntry | undefined> => walk(objects, root, segments(path))
  return {
    id,
    async read(path) {
      const entry = await locate(path)
      return entry === undefined || entry.mode === treeMode.directory ? undefined : objects.blob(entry.id)
    },
    async list(path) {
      const entry = await locate(path)
      if (entry === undefined || entry.mode !== treeMode.directory) return undefined
      const found = await objects.entries(entry.id)
      return found === undefined ? undefined : listing(found, async (name) => (await locate(path === '' ? name : `${path}/${name}`))?.mode)
    },
    async idOf(path) {
      return (await locate(path))?.id
    },
  }
}

async function listing(entries: readonly TreeEntry[], modeBehind: (name: string) => Promise<number | undefined>): Promise<FileEntry[]> {
  const rows: FileEntry[] = []
  for (const { name, mode } of entries) {
    const real = mode === treeMode.link ? await modeBehind(name) : mode
    if (real !== undefined && real !== treeMode.submodule) rows.push({ name, directory: real === treeMode.directory })
  }
  return rows.sort((a, b) => (a.name < b.name ? -1 : 1))
}

function segments(path: string): string[] {
  if (path === '') return []
  const parts = path.split('/')
  if (parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw new CodedError({ code: 'PathOutsideTree', message: `${JSON.stringify(path)} is not a plain relative path`, remedy: 'Write it without a leading slash, without "." and ".."' })
  }
  return parts
}

async function walk(objects: TreeObjects, root: TreeEntry, path: readonly string[]): Promise<TreeEntry | undefined> {
  const todo = [...path]
  const trail: TreeEntry[] = [root]
  let links = 0
  for (let part = todo.shift(); part !== undefined; part = todo.shift()) {
    if (part === '..') {
      if (trail.length === 1) throw outside(path)
      trail.pop()
      continue
    }
    const here = trail[trail.length - 1] as TreeEntry // the root is never popped
    if (here.mode !== treeMode.directory) return undefined
    const entry = (await objects.entries(here.id))?.find((row) => row.name === part)
    if (entry === undefined) return undefined
    if (entry.mode !== treeMode.link) {
      trail.push(entry)
      continue
    }
    if (++links > maxLinks) return undefined
    const target = Buffer.from((await objects.blob(entry.id)) ?? []).toString()
    if (target.startsWith('/')) throw outside(path)
    todo.unshift(...target.split('/').filter((s) => s !== '' && s !== '.'))
  }
  return trail[trail.length - 1]
}

function outside(path: readonly string[]): CodedError {
  return new CodedError({ code: 'LinkOutsideTree', message: 'a symbolic link leads out of the repository', where: path.join('/'), remedy: 'Replace the link by a file, or make it point inside the repository' })
}

/** Parses the content of a tree object: rows of `mode SP name NUL id`. */
export function parseTree(content: Buffer): TreeEntry[] {
  const rows: TreeEntry[] = []
  for (let at = 0; at < content.length;) {
    const blank = content.indexOf(32, at)
    const end = content.indexOf(0, blank)
    if (blank < 0 || end < 0) break
    rows.push({ mode: parseInt(content.toString('latin1', at, blank), 8), name: content.toString('utf8', blank + 1, end), id: content.toString('hex', end + 1, end + 21) })
    at = end + 21
  }
  return rows
}
