import type { GitTree } from '@idp/git'
import type { FileTree } from '@idp/kit'

/** The paths a rendering looked at, with the object id each had then (undefined: was not there). */
export type Dependencies = ReadonlyMap<string, string | undefined>

/** Passes everything through and notes what was looked at. */
export function recordedFiles(tree: GitTree): FileTree & { readonly dependencies: Dependencies } {
  const dependencies = new Map<string, string | undefined>()
  const note = async (path: string): Promise<void> => {
    if (!dependencies.has(path)) dependencies.set(path, await tree.idOf(path))
  }
  return {
    dependencies,
    async read(path) {
      await note(path)
      return tree.read(path)
    },
    async list(path) {
      await note(path)
      return tree.list(path)
    },
  }
}

/** True when everything that was looked at is the same in `tree`. */
export async function areUnchanged(dependencies: Dependencies, tree: GitTree): Promise<boolean> {
  for (const [path, id] of dependencies) if ((await tree.idOf(path)) !== id) return false
  return true
}
