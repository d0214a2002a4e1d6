import { parseYamlDocuments, type AnyObject, type Json } from '@idp/formats'
import { CodedError, type FileTree } from '@idp/kit'
import { globMatches } from '../engine/project/glob.ts'
import type { ApplicationSource } from '../kinds/application.ts'
import { noteOrigin } from './origin.ts'

const decoder = new TextDecoder()

/** Reads the manifests of a folder: `.yaml`, `.yml` and `.json`, its subfolders with `recurse`. Errors name file and line. */
export async function renderDirectory(files: FileTree, path: string, options: ApplicationSource['directory'] = {}): Promise<AnyObject[]> {
  const objects: AnyObject[] = []
  for await (const file of manifestFiles(files, path, options.recurse === true)) {
    const relative = path === '' ? file : file.slice(path.length + 1)
    if (!isIncluded(relative, options)) continue
    if (file.endsWith('.jsonnet')) throw new CodedError({ code: 'JsonnetUnsupported', message: 'Jsonnet is not supported', where: file, remedy: 'Commit the rendered YAML, or exclude the file with directory.exclude' })
    const content = await files.read(file)
    if (content !== undefined) objects.push(...readManifests(decoder.decode(content), file))
  }
  return objects
}

async function* manifestFiles(files: FileTree, directory: string, recurse: boolean): AsyncGenerator<string> {
  for (const entry of (await files.list(directory)) ?? []) {
    const path = directory === '' ? entry.name : `${directory}/${entry.name}`
    if (!entry.directory && /\.(ya?ml|json|jsonnet)$/.test(entry.name)) yield path
    else if (entry.directory && recurse && entry.name !== '.git') yield* manifestFiles(files, path, recurse)
  }
}

function isIncluded(path: string, { include, exclude }: { include?: string; exclude?: string }): boolean {
  if (exclude !== undefined && exclude !== '' && globMatches(exclude, path)) return false
  return include === undefined || include === '' || globMatches(include, path)
}

/** The objects of one file; lists are taken apart. Files that do not look like manifests (values, configuration) are passed over. */
export function readManifests(text: string, source: string): AnyObject[] {
  if (text.includes('+argocd:skip-file-rendering')) return []
  let documents: ReturnType<typeof parseYamlDocuments>
  try {
    documents = parseYamlDocuments(text, { source })
  } catch (error) {
    if (looksLikeManifest(text)) throw error
    return []
  }
  const found: AnyObject[] = []
  const isManifest = looksLikeManifest(text)
  for (const { value, line } of documents) {
    if (value === null || (!isObject(value) && !isManifest)) continue
    found.push(...takeApart(value, `${source}:${line}`, isManifest))
  }
  return found
}

function looksLikeManifest(text: string): boolean {
  return /^\s*["']?apiVersion["']?\s*:/m.test(text) && /^\s*["']?kind["']?\s*:/m.test(text)
}

function takeApart(value: Json, where: string, strict: boolean): AnyObject[] {
  if (!isObject(value)) throw broken('a manifest is a mapping with apiVersion and kind', where)
  const { apiVersion, kind, items } = value
  if (typeof kind !== 'string' || kind === '' || typeof apiVersion !== 'string' || apiVersion === '') {
    if (!strict) return []
    throw broken(`object has no ${typeof apiVersion !== 'string' || apiVersion === '' ? 'apiVersion' : 'kind'}`, where)
  }
  if (kind.endsWith('List') && Array.isArray(items)) return items.flatMap((item) => takeApart(item, where, strict))
  return [noteOrigin(checkedObject(value as unknown as AnyObject, where), where)]
}

/** An object has a name, and metadata that are mappings of text. */
export function checkedObject(object: AnyObject, where: string): AnyObject {
  const metadata: unknown = object.metadata
  if (metadata === null || typeof metadata !== 'object' || Array.isArray(metadata)) throw broken(`${object.kind} has no metadata`, where)
  const { name, generateName, annotations, labels } = metadata as Record<string, unknown>
  if ((typeof name !== 'string' || name === '') && (typeof generateName !== 'string' || generateName === '')) throw broken(`${object.kind} has no metadata.name`, where)
  for (const [field, map] of [['annotations', annotations], ['labels', labels]] as const) {
    if (map === undefined || map === null) continue
    const bad = typeof map === 'object' && !Array.isArray(map) ? Object.entries(map).find(([, value]) => typeof value !== 'string') : [field, map]
    if (bad !== undefined) throw broken(`${object.kind}/${String(name)}: metadata.${field}.${bad[0]} must be text, not ${JSON.stringify(bad[1])}`, where, 'Put the value in quotes')
  }
  return object
}

function broken(message: string, where: string, remedy = 'Correct the file, or keep it out with directory.exclude'): CodedError {
  return new CodedError({ code: 'InvalidManifest', message, where, remedy })
}

function isObject(value: Json): value is { [key: string]: Json } {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
