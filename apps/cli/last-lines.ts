import { readFile } from 'node:fs/promises'

/** The last lines of a text file; empty when there is no such file. */
export async function lastLines(file: string, count: number): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  return text.trimEnd().split('\n').slice(-count).join('\n')
}
