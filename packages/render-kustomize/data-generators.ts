import type { JsonObject } from '@idp/formats'
import { failure } from './failure.ts'
import type { GeneratorArgs, GeneratorOptions } from './kustomization.ts'
import { loadFile, type Loader } from './loader.ts'
import { makeResource, type Behavior, type Resource } from './resource.ts'

/** Makes the ConfigMap or Secret that an entry of `configMapGenerator` or `secretGenerator` describes. */
export async function generateData(kind: 'ConfigMap' | 'Secret', entry: GeneratorArgs, shared: GeneratorOptions | undefined, loader: Loader): Promise<Resource> {
  const options = mergeOptions(entry.options, shared)
  if (entry.name === undefined || entry.name === '') throw failure('InvalidKustomization', 'a configmap must have a name', loader.root)
  const metadata: JsonObject = { name: entry.name }
  if (entry.namespace !== undefined && entry.namespace !== '') metadata['namespace'] = entry.namespace
  if (options?.labels !== undefined && Object.keys(options.labels).length > 0) metadata['labels'] = { ...options.labels }
  if (options?.annotations !== undefined && Object.keys(options.annotations).length > 0) metadata['annotations'] = { ...options.annotations }
  const object: JsonObject = { apiVersion: 'v1', kind, metadata }
  if (kind === 'Secret') object['type'] = entry.type === undefined || entry.type === '' ? 'Opaque' : entry.type
  const pairs = await readPairs(entry, loader)
  addData(object, pairs)
  if (options?.immutable === true) object['immutable'] = true
  const behavior = (['create', 'merge', 'replace'].includes(entry.behavior ?? '') ? entry.behavior : '') as Behavior // one of the four
  return { ...makeResource(object), needsHash: options?.disableNameSuffixHash !== true, behavior }
}

function mergeOptions(own: GeneratorOptions | undefined, shared: GeneratorOptions | undefined): GeneratorOptions | undefined {
  if (shared === undefined) return own
  return {
    labels: { ...shared.labels, ...own?.labels },
    annotations: { ...shared.annotations, ...own?.annotations },
    disableNameSuffixHash: shared.disableNameSuffixHash === true || own?.disableNameSuffixHash === true,
    immutable: shared.immutable === true || own?.immutable === true,
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decode(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined // not text: goes into binaryData
  }
}

function addData(object: JsonObject, pairs: ReadonlyMap<string, Uint8Array>): void {
  const data: JsonObject = {}
  const binary: JsonObject = {}
  for (const [key, bytes] of pairs) {
    if (object['kind'] === 'Secret') { data[key] = wrappedBase64(bytes); continue }
    const text = decode(bytes)
    if (text === undefined) binary[key] = wrappedBase64(bytes)
    else data[key] = text
  }
  if (Object.keys(data).length > 0 || object['kind'] === 'Secret') object['data'] = data
  if (Object.keys(binary).length > 0) object['binaryData'] = binary
}

const LINE = 70

/** Base64 in lines of 70 characters, each with a line feed, when it is longer than one; it is part of the hash. */
function wrappedBase64(bytes: Uint8Array): string {
  let binary = ''
  for (let i = 0; i < bytes.length; i += 0x8000) binary += String.fromCharCode(...bytes.subarray(i, i + 0x8000))
  const text = btoa(binary)
  if (text.length < LINE) return text
  return text.replace(/.{1,70}/g, (line) => `${line}\n`)
}

const encoder = new TextEncoder()

async function readPairs(entry: GeneratorArgs, loader: Loader): Promise<Map<string, Uint8Array>> {
  const pairs = new Map<string, Uint8Array>()
  const add = (key: string, value: Uint8Array): void => {
    if (pairs.has(key)) throw failure('InvalidKustomization', `configmap ${entry.name} illegally repeats the key \`${key}\``, loader.root)
    pairs.set(key, value)
  }
  for (const path of entry.envs ?? []) for (const [key, value] of envPairs(await loadFile(loader, path), path)) add(key, encoder.encode(value))
  for (const literal of entry.literals ?? []) {
    const at = literal.indexOf('=')
    if (at <= 0) throw failure('InvalidKustomization', `literal sources ${JSON.stringify(entry.literals)}: invalid literal source ${literal}, expected key=value`, loader.root)
    add(literal.slice(0, at), encoder.encode(unquote(literal.slice(at + 1))))
  }
  for (const source of entry.files ?? []) {
    const [key, path] = fileSource(source, loader.root)
    add(key, await loadFile(loader, path))
  }
  return pairs
}

function unquote(text: string): string {
  const first = text.charAt(0)
  return text.length >= 2 && (first === '"' || first === "'") && text.endsWith(first) ? text.slice(1, -1) : text
}

function fileSource(source: string, root: string): [string, string] {
  const parts = source.split('=')
  const [first = '', second = ''] = parts
  if (parts.length === 1) return [source.replace(/\/+$/, '').slice(source.replace(/\/+$/, '').lastIndexOf('/') + 1), source]
  if (parts.length > 2) throw failure('InvalidKustomization', `source "${source}" key name or file path contains '='`, root)
  if (first === '') throw failure('InvalidKustomization', `missing key name for file path "${second}" in source "${source}"`, root)
  if (second === '') throw failure('InvalidKustomization', `missing file path for key name "${first}" in source "${source}"`, root)
  return [first, second]
}

/** Lines `KEY=value`; blank lines and those that begin with `#` do not count. */
function envPairs(bytes: Uint8Array, path: string): [string, string][] {
  const text = decode(bytes)
  if (text === undefined) throw failure('InvalidKustomization', 'the file is not valid UTF-8', path)
  const pairs: [string, string][] = []
  text.replace(/^\ufeff/, '').split(/\r?\n/).forEach((raw) => {
    const line = raw.replace(/^\s+/u, '')
    if (line === '' || line.startsWith('#')) return
    const at = line.indexOf('=')
    const key = at < 0 ? line : line.slice(0, at)
    if (key === '') return
    // Without `=` kustomize takes the empty text; it does not check key names.
    pairs.push([key, at < 0 ? '' : line.slice(at + 1)])
  })
  return pairs
}
