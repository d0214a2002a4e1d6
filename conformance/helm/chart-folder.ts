import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { FileTree } from '@idp/kit'

/** A folder on disk as a tree of files. Links are followed, as Helm does. */
export function folderTree(root: string): FileTree {
  return {
    async read(path) {
      try {
        return readFileSync(join(root, path))
      } catch {
        return undefined
      }
    },
    async list(path) {
      const names = readdirSync(join(root, path)).sort()
      return names.flatMap((name) => {
        try {
          return [{ name, directory: statSync(join(root, path, name)).isDirectory() }]
        } catch {
          return []
        }
      })
    },
  }
}

/** Folders with a Chart.yaml below `root`, not those inside another chart's `charts/`. */
export function chartFolders(root: string): string[] {
  const found: string[] = []
  const walk = (folder: string, depth: number): void => {
    if (depth > 6) return
    const entries = readdirSync(folder, { withFileTypes: true })
    if (entries.some((entry) => entry.name === 'Chart.yaml')) {
      found.push(folder)
      return
    }
    for (const entry of entries) if (entry.isDirectory() && entry.name !== '.git' && entry.name !== 'node_modules') walk(join(folder, entry.name), depth + 1)
  }
  walk(root, 0)
  return found.sort()
}

/** Values files of a chart's `ci/` folder. */
export function ciValues(chart: string): string[] {
  try {
    return readdirSync(join(chart, 'ci')).filter((name) => /values\.ya?ml$/.test(name)).sort().map((name) => join(chart, 'ci', name))
  } catch {
    return []
  }
}

/** A path as the suite prints it. */
export function shortName(root: string, path: string): string {
  return relative(root, path) || '.'
}
