import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ChartCache } from '@idp/render-helm'

/** Keeps fetched charts and indexes below a directory, each under the digest of its key; a file appears only when it is whole. */
export function chartCache(directory: string): ChartCache {
  const fileOf = (key: string) => join(directory, createHash('sha256').update(key).digest('hex'))
  return {
    get: (key) => readFile(fileOf(key)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    }),
    async put(key, bytes) {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      const temporary = `${fileOf(key)}.${process.pid}`
      await writeFile(temporary, bytes)
      await rename(temporary, fileOf(key))
    },
  }
}
