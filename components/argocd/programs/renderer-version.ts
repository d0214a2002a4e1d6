import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FileTree } from '@idp/kit'

/** Whose code decides what a source is rendered to. */
const packages = ['@idp/render-helm', '@idp/render-kustomize', '@idp/lang-gotemplate', '@idp/formats']

/**
 * Changes whenever the same source may be rendered to something else: with the charts of the image (by their content) and with the code
 * that renders (by size and time of its files; a release is one file).
 */
export async function rendererVersion(charts: FileTree): Promise<string> {
  const hash = createHash('sha256')
  for (const folder of codeFolders()) {
    const names = (await readdir(folder)).filter((name) => /\.[jt]s$/.test(name)).sort()
    const stats = await Promise.all(names.map((name) => stat(join(folder, name))))
    names.forEach((name, at) => hash.update(`${folder}/${name} ${stats[at]?.size} ${stats[at]?.mtimeMs}\n`))
  }
  const index = await charts.read('index.json')
  hash.update(index ?? '')
  const folders = index === undefined ? [] : Object.values(JSON.parse(new TextDecoder().decode(index)) as Record<string, Record<string, string>>).flatMap((row) => Object.values(row))
  for (const folder of folders.sort()) await addFolder(folder)
  return hash.digest('hex')

  async function addFolder(path: string): Promise<void> {
    for (const { name, directory } of (await charts.list(path)) ?? []) {
      const inner = `${path}/${name}`
      if (directory) await addFolder(inner)
      else hash.update(`${inner}\n`).update((await charts.read(inner)) ?? '')
    }
  }
}

function codeFolders(): string[] {
  const here = dirname(fileURLToPath(import.meta.url))
  const found = packages.flatMap((name) => {
    try {
      return [dirname(fileURLToPath(import.meta.resolve(name)))]
    } catch {
      // A release holds them in the one file beside this code.
      return []
    }
  })
  return [...new Set([here, join(here, '..', 'repo'), ...found])].filter((folder) => found.length > 0 || folder === here)
}
