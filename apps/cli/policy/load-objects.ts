import { existsSync } from 'node:fs'
import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { AnyObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import { parseObjects } from '../../../components/kyverno/engine/read-objects.ts'

/** The objects of files, of folders with everything below them, and of `-` (standard input), in order. Throws CodedError `FileMissing` and the parser's errors, which name file and line. */
export async function loadObjects(paths: readonly string[], stdin: NodeJS.ReadableStream): Promise<AnyObject[]> {
  const objects: AnyObject[] = []
  for (const path of paths) objects.push(...(path === '-' ? parseObjects(await text(stdin), 'standard input') : await objectsAt(path)))
  return objects
}

async function objectsAt(path: string): Promise<AnyObject[]> {
  if (/^https?:\/\/|^git@/.test(path)) throw new CodedError({ code: 'UnsupportedSource', message: 'policies and resources are read from files here, not from URLs', where: path, remedy: 'Clone or download it first' })
  if (!existsSync(path)) throw new CodedError({ code: 'FileMissing', message: 'no such file or folder', where: path })
  if (!(await stat(path)).isDirectory()) return parseObjects(await readFile(path, 'utf8'), path)
  const entries = (await readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile() && /\.(ya?ml|json)$/.test(entry.name))
  const files = entries.map((entry) => join(entry.parentPath, entry.name)).sort()
  return (await Promise.all(files.map(async (file) => parseObjects(await readFile(file, 'utf8'), file)))).flat()
}
