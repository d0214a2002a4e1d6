import { CodedError } from '@idp/kit'
import { treeMode, type TreeEntry } from './git-tree.ts'
import { objectId, type StoredObject } from './store-pack.ts'

/** A folder that is being changed: what is in it, with the folders that were looked into as folders. */
interface Folder { readonly rows: Map<string, Row> }
type Row = { readonly entry: TreeEntry } | { readonly folder: Folder }

const file = 0o100644

/** The tree that changes make of a base (the empty tree when undefined), and the objects that are new. `undefined` removes a path; folders go when they are empty. */
export async function editTree(entriesOf: (id: string) => Promise<readonly TreeEntry[] | undefined>, base: string | undefined, changes: Readonly<Record<string, string | Uint8Array | undefined>>): Promise<{ readonly tree: string; readonly objects: readonly StoredObject[] }> {
  const objects = new Map<string, StoredObject>()
  const keep = (type: StoredObject['type'], content: Buffer): string => {
    const id = objectId(type, content)
    objects.set(id, { id, type, content })
    return id
  }
  const load = async (id: string | undefined): Promise<Folder> => ({ rows: new Map((id === undefined ? [] : await entriesOf(id) ?? []).map((entry) => [entry.name, { entry }])) })
  const root = await load(base)
  const folderIn = async (parent: Folder, name: string): Promise<Folder> => {
    const row = parent.rows.get(name)
    if (row !== undefined && 'folder' in row) return row.folder
    const folder = await load(row?.entry.mode === treeMode.directory ? row.entry.id : undefined)
    parent.rows.set(name, { folder })
    return folder
  }
  for (const [path, content] of Object.entries(changes)) {
    const parts = checkedParts(path)
    let folder = root
    for (const name of parts.slice(0, -1)) folder = await folderIn(folder, name)
    const name = parts.at(-1) ?? ''
    if (content === undefined) folder.rows.delete(name)
    else folder.rows.set(name, { entry: { name, mode: file, id: keep('blob', Buffer.from(content)) } })
  }
  const write = (folder: Folder): string | undefined => {
    const entries: TreeEntry[] = []
    for (const [name, row] of folder.rows) {
      const id = 'entry' in row ? row.entry.id : write(row.folder)
      if (id !== undefined) entries.push('entry' in row ? row.entry : { name, mode: treeMode.directory, id })
    }
    return entries.length === 0 ? undefined : keep('tree', treeContent(entries))
  }
  return { tree: write(root) ?? keep('tree', Buffer.alloc(0)), objects: [...objects.values()] }
}

/** Rows in git's order: folders as if their name ended with a slash. */
function treeContent(entries: readonly TreeEntry[]): Buffer {
  const key = ({ name, mode }: TreeEntry): Buffer => Buffer.from(mode === treeMode.directory ? `${name}/` : name)
  const sorted = entries.map((entry) => ({ entry, key: key(entry) })).sort((a, b) => Buffer.compare(a.key, b.key))
  return Buffer.concat(sorted.flatMap(({ entry }) => [Buffer.from(`${entry.mode.toString(8)} ${entry.name}\0`), Buffer.from(entry.id, 'hex')]))
}

function checkedParts(path: string): string[] {
  const parts = path.split('/')
  if (!parts.some((part) => part === '' || part === '.' || part === '..' || part.toLowerCase() === '.git' || part.includes('\0'))) return parts
  throw new CodedError({ code: 'InvalidPath', message: `${JSON.stringify(path)} cannot be in a commit`, remedy: 'Write it relative to the repository, without "." and ".."' })
}
