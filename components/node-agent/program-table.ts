import type { FileTree } from '@idp/kit'
import { chartFiles, type Component, type Program } from '@idp/sandbox'
import { parseImage } from './image-reference.ts'

/** Which program stands in for an image. */
export interface ProgramTable {
  /** Loads the program for a repository (with registry, without tag); undefined for an image nobody stands in for. */
  find(repository: string): (() => Promise<Program>) | undefined
  /** Files that every image of this engine has: the stand-in charts. */
  readonly files: FileTree
}

/** Reads the components' tables of contents; a program is loaded once, when it is first asked for. Of two programs for one image the first wins. */
export function createProgramTable(components: readonly Component[]): ProgramTable {
  const entries = new Map<string, () => Promise<Program>>()
  for (const component of components) {
    for (const entry of component.programs ?? []) {
      let loaded: Promise<Program> | undefined
      const load = () => (loaded ??= entry.load().catch((error: unknown) => {
        loaded = undefined // The next container tries again.
        throw error
      }))
      for (const image of entry.images) {
        const { repository } = parseImage(image)
        // The first wins; scripts/gen-registry.ts refuses an image that two programs name.
        if (!entries.has(repository)) entries.set(repository, load)
      }
    }
  }
  return { find: (repository) => entries.get(repository), files: chartFiles(components) }
}
