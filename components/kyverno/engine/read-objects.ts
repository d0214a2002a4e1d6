import { parseYamlDocuments, type AnyObject } from '@idp/formats'
import { CodedError, type FileTree } from '@idp/kit'

/** The objects of a file, or of every YAML and JSON file directly in a folder; lists are taken apart. Throws CodedError `FileMissing` and the parser's errors. */
export async function readObjectsAt(files: FileTree, path: string): Promise<AnyObject[]> {
  const entries = await files.list(path)
  if (entries === undefined) return readObjects(files, path)
  const named = entries.filter(({ name, directory }) => !directory && /\.ya?ml$|\.json$/.test(name))
  return (await Promise.all(named.map(({ name }) => readObjects(files, joinPath(path, name))))).flat()
}

/** The objects of one file. */
export async function readObjects(files: FileTree, path: string): Promise<AnyObject[]> {
  const bytes = await files.read(path)
  if (bytes === undefined) throw new CodedError({ code: 'FileMissing', message: 'no such file', where: path })
  return parseObjects(new TextDecoder().decode(bytes), path)
}

/** The objects of a YAML or JSON text; empty documents are none. */
export function parseObjects(text: string, source: string): AnyObject[] {
  return parseYamlDocuments(text, { source }).map(({ value }) => value as unknown as AnyObject).flatMap((value) => (value === null ? [] : isList(value) ? (value['items'] as unknown as AnyObject[]) : [value]))
}

const isList = (value: AnyObject): boolean => typeof value.kind === 'string' && value.kind.endsWith('List') && Array.isArray(value['items'])

/** Joins a folder and a relative path with its `..`. Throws CodedError `PathOutside`. */
export function joinPath(folder: string, path: string): string {
  const parts = folder === '' ? [] : folder.split('/')
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.pop() === undefined) throw new CodedError({ code: 'PathOutside', message: 'the path leaves the folder of the tests', where: path })
  }
  return parts.join('/')
}
