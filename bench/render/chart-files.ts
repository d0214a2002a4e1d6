import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export type Files = Record<string, string | Uint8Array>

/** A chart written to a folder for as long as `run` takes. */
export async function withFolder<T>(files: Files, run: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'idp-bench-'))
  try {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), content)
    }
    return await run(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The template that is edited: the first that is no helper and no test. */
export function editedTemplate(files: Readonly<Record<string, unknown>>): string {
  const path = Object.keys(files).filter((name) => /^templates\/(?!tests\/)(?:[^/]+\/)?[^_][^/]*\.ya?ml$/.test(name)).sort()[0]
  if (path === undefined) throw new Error('the chart has no templates')
  return path
}

/** A chart's files as bytes. */
export function filesOf(root: string): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = {}
  const walk = (folder: string): void => {
    for (const name of readdirSync(join(root, folder))) {
      const path = folder === '' ? name : `${folder}/${name}`
      if (statSync(join(root, path)).isDirectory()) walk(path)
      else files[path] = new Uint8Array(readFileSync(join(root, path)))
    }
  }
  walk('')
  return files
}
