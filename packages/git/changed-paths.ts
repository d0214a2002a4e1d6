import { treeMode, type TreeEntry } from './git-tree.ts'

/** Paths of the files that differ between two trees, sorted: made, removed, or with other content or mode. */
export async function changedPaths(entries: (treeId: string) => Promise<readonly TreeEntry[] | undefined>, base: string, head: string): Promise<readonly string[]> {
  const found: string[] = []
  const compare = async (before: string | undefined, after: string | undefined, path: string): Promise<void> => {
    if (before === after) return
    const [old, now] = await Promise.all([before, after].map(async (id) => new Map((id === undefined ? [] : await entries(id) ?? []).map((entry) => [entry.name, entry]))))
    for (const name of new Set([...old?.keys() ?? [], ...now?.keys() ?? []])) {
      const [a, b] = [old?.get(name), now?.get(name)]
      if (a?.id === b?.id && a?.mode === b?.mode) continue
      const inner = `${path}${name}`
      const [wasFolder, isFolder] = [a, b].map((one) => one?.mode === treeMode.directory)
      if ((a !== undefined && wasFolder !== true) || (b !== undefined && isFolder !== true)) found.push(inner)
      if (wasFolder === true || isFolder === true) await compare(wasFolder === true ? a?.id : undefined, isFolder === true ? b?.id : undefined, `${inner}/`)
    }
  }
  await compare(base, head, '')
  return found.sort()
}
