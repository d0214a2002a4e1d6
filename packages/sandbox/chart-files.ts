import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FileTree } from '@idp/kit'
import type { Component } from './component.ts'
import type { RegisteredComponent } from './registry.ts'

/** Where every container of the embedded engine finds the stand-in charts (decisions/0003). */
const root = 'usr/share/idp/charts'

/**
 * The stand-in charts as files of an image: `/usr/share/idp/charts/<component>/<chart>/…`, and `index.json` beside them, from repository URL and
 * chart name to that folder: `{ "https://…": { "loki": "loki/loki" } }`.
 */
export function chartFiles(components: readonly Component[]): FileTree {
  const folders = new Map<string, string>()
  const index: Record<string, Record<string, string>> = {}
  for (const component of components) {
    if (!('folder' in component)) continue // made by a test, without a folder of its own
    const { folder, name, charts = [] } = component as RegisteredComponent
    for (const chart of charts) {
      const place = `${name}/${chart.name}`
      folders.set(place, fileURLToPath(new URL(`${chart.directory ?? 'chart'}/`, folder)))
      ;(index[chart.repository] ??= {})[chart.name] = place
    }
  }
  const locate = (path: string): string | undefined => {
    if (!path.startsWith(`${root}/`) || path.includes('..')) return undefined
    const [component = '', chart = '', ...rest] = path.slice(root.length + 1).split('/')
    const folder = folders.get(`${component}/${chart}`)
    return folder === undefined ? undefined : join(folder, ...rest)
  }
  return {
    async read(path) {
      if (path === `${root}/index.json`) return new TextEncoder().encode(JSON.stringify(index))
      const file = locate(path)
      return file === undefined ? undefined : readFile(file).catch(absent)
    },
    async list(path) {
      const directory = locate(path)
      const entries = directory === undefined ? undefined : await readdir(directory, { withFileTypes: true }).catch(absent)
      return entries?.map((entry) => ({ name: entry.name, directory: entry.isDirectory() })).sort((a, b) => (a.name < b.name ? -1 : 1))
    },
  }
}

const absent = (error: NodeJS.ErrnoException): undefined => {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EISDIR') return undefined
  throw error
}
