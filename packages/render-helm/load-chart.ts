import { CodedError, type FileTree } from '@idp/kit'
import type { Json, JsonObject } from '@idp/formats'
import { stringOf } from '@idp/lang-gotemplate/core'
import { readArchive } from './archive.ts'
import type { Chart, Metadata, TemplateFile } from './chart.ts'
import type { DuplicateKeys } from './go-yaml.ts'
import { readValuesText } from './values-text.ts'
import { readIgnoreRules, type IgnoreRules } from './helmignore.ts'
import { readMetadata, readRequirements } from './metadata.ts'
import { jsonKind, yamlFault } from './yaml-functions.ts'

export interface LoadOptions {
  /** Name in error messages, e.g. the folder. */
  readonly source?: string
  readonly maxFiles?: number
  readonly maxBytes?: number
  /** Charts within charts. */
  readonly maxDepth?: number
  /** What equal keys in values.yaml do: as in Helm the last wins, unless told to refuse them. */
  readonly duplicateKeys?: DuplicateKeys
}

const defaults = { maxFiles: 20_000, maxBytes: 100 * 1024 * 1024, maxDepth: 20 }

/**
 * Reads a chart from a folder: `.helmignore` holds, archives in `charts/` are unpacked. What is as it was in `previous` is taken from there.
 * Throws CodedError.
 */
export async function loadChart(tree: FileTree, options: LoadOptions = {}, previous?: Chart): Promise<Chart> {
  const ignoreFile = await tree.read('.helmignore')
  const ignored = readIgnoreRules(ignoreFile === undefined ? '' : stringOf(ignoreFile))
  const chart = chartOf(await readAll(tree, ignored, options), options.source ?? '', 0, options, previous)
  rules.set(chart, ignored)
  return chart
}

/** The chart of `previous` with only the named files read again. */
export async function reloadChart(tree: FileTree, previous: Chart, changed: readonly string[], options: LoadOptions = {}): Promise<Chart> {
  const known = sources.get(previous)
  const ignored = rules.get(previous)
  if (known === undefined || ignored === undefined || changed.includes('.helmignore')) return loadChart(tree, options, previous)
  const files = new Map(known)
  for (const path of changed) {
    if (isIgnored(path, ignored)) continue
    const content = await tree.read(path)
    if (content === undefined) files.delete(path)
    else if (files.has(path) || !path.startsWith('charts/')) files.set(path, content)
    // A chart that comes in has its place among the others.
    else return loadChart(tree, options, previous)
  }
  checkSize(files, options)
  const chart = chartOf(files, options.source ?? '', 0, options, previous)
  rules.set(chart, ignored)
  return chart
}

/** A file is ignored when it or a folder above is. */
function isIgnored(path: string, ignored: IgnoreRules): boolean {
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) if (ignored(path.slice(0, slash), true)) return true
  return ignored(path, false)
}

function checkSize(files: ReadonlyMap<string, Uint8Array>, options: LoadOptions): void {
  const { maxFiles, maxBytes } = limitsOf(options)
  let bytes = 0
  for (const content of files.values()) bytes += content.length
  if (files.size > maxFiles || bytes > maxBytes) throw new CodedError({ code: 'ChartTooLarge', message: `a chart may have ${maxFiles} files and ${maxBytes} bytes`, where: options.source })
}

/** Reads a chart from a `.tgz`. Throws CodedError. */
export function loadChartArchive(archive: Uint8Array, options: LoadOptions = {}): Chart {
  return chartOf(readArchive(archive, limitsOf(options), options.source), options.source ?? '', 0, options)
}

/** What the archives inside a chart may still unpack to, all together: an archive within a hundred others is a bomb too. */
interface Budget { maxFiles: number; maxBytes: number }

function limitsOf(options: LoadOptions): Budget {
  return { maxFiles: options.maxFiles ?? defaults.maxFiles, maxBytes: options.maxBytes ?? defaults.maxBytes }
}

async function readAll(tree: FileTree, ignored: IgnoreRules, options: LoadOptions): Promise<Map<string, Uint8Array>> {
  const { maxFiles, maxBytes } = limitsOf(options)
  const files = new Map<string, Uint8Array>()
  let bytes = 0
  const walk = async (folder: string, depth: number): Promise<void> => {
    if (depth > 100) throw new CodedError({ code: 'ChartTooLarge', message: 'folders are nested deeper than 100', where: folder })
    for (const entry of await tree.list(folder) ?? []) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (ignored(path, entry.directory)) continue
      if (entry.directory) {
        await walk(path, depth + 1)
        continue
      }
      const content = await tree.read(path)
      if (content === undefined) continue
      bytes += content.length
      if (files.size >= maxFiles || bytes > maxBytes) {
        throw new CodedError({ code: 'ChartTooLarge', message: `a chart may have ${maxFiles} files and ${maxBytes} bytes`, where: options.source ?? path })
      }
      files.set(path, content)
    }
  }
  await walk('', 0)
  return files
}

/** The bytes each chart was read from, to know what changed. */
const sources = new WeakMap<Chart, ReadonlyMap<string, Uint8Array>>()
/** The archive a chart inside a chart came in. */
const archives = new WeakMap<Chart, Uint8Array>()
/** What its `.helmignore` says. */
const rules = new WeakMap<Chart, IgnoreRules>()
/** The charts inside a chart by the name of their folder or archive. */
const folders = new WeakMap<Chart, ReadonlyMap<string, Chart>>()

function chartOf(files: ReadonlyMap<string, Uint8Array>, source: string, depth: number, options: LoadOptions, previous?: Chart, budget: Budget = limitsOf(options)): Chart {
  if (depth > (options.maxDepth ?? defaults.maxDepth)) throw new CodedError({ code: 'ChartTooDeep', message: 'charts are nested too deeply', where: source })
  const before = (previous === undefined ? undefined : sources.get(previous)) ?? new Map<string, Uint8Array>()
  const same = (path: string) => sameBytes(before.get(path), files.get(path))
  if (previous !== undefined && before.size === files.size && [...files.keys()].every(same)) return previous
  const at = (name: string) => (source === '' ? name : `${source}/${name}`)
  const metadata = previous !== undefined && same('Chart.yaml') && same('requirements.yaml') ? previous.metadata : metadataOf(files, source, at)
  const parts = sorted(files, metadata.apiVersion, previous, same)
  const inside = new Map([...parts.nested].flatMap(([name, inner]) => nestedChart(name, inner, at(`charts/${name}`), { parent: metadata.name, depth: depth + 1, options, before: previous, budget })))
  const text = (name: string) => {
    const bytes = files.get(name)
    return bytes === undefined ? undefined : stringOf(bytes)
  }
  const chart: Chart = {
    metadata, templates: parts.templates, files: parts.others,
    values: previous !== undefined && same('values.yaml') ? previous.values : readValues(text('values.yaml') ?? '', at('values.yaml'), options.duplicateKeys),
    schema: text('values.schema.json'), lock: text('Chart.lock') ?? text('requirements.lock'),
    dependencies: [...inside.values()],
  }
  sources.set(chart, files)
  folders.set(chart, inside)
  return chart
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined || a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function metadataOf(files: ReadonlyMap<string, Uint8Array>, source: string, at: (name: string) => string): Metadata {
  const chartFile = files.get('Chart.yaml')
  if (chartFile === undefined) throw new CodedError({ code: 'InvalidChart', message: 'Chart.yaml file is missing', where: source || undefined })
  const metadata = loaded(at('Chart.yaml'), () => readMetadata(stringOf(chartFile), at('Chart.yaml')))
  const requirements = files.get('requirements.yaml')
  return requirements === undefined ? metadata : { ...metadata, dependencies: readRequirements(stringOf(requirements), at('requirements.yaml')) }
}

interface Parts { readonly templates: readonly TemplateFile[]; readonly others: ReadonlyMap<string, Uint8Array>; readonly nested: Map<string, Map<string, Uint8Array>> }

const special = new Set(['Chart.yaml', 'Chart.lock', 'values.yaml', 'values.schema.json'])

/** Sorts files into templates, charts within and all others; keeps what is as it was before. */
function sorted(files: ReadonlyMap<string, Uint8Array>, apiVersion: string, previous: Chart | undefined, same: (path: string) => boolean): Parts {
  const templates: TemplateFile[] = []
  const others = new Map<string, Uint8Array>()
  const nested = new Map<string, Map<string, Uint8Array>>()
  const known = new Map(previous?.templates.map((template) => [template.name, template]))
  let sameOthers = previous !== undefined
  for (const [path, content] of files) {
    if (special.has(path) || (apiVersion !== 'v1' && (path === 'requirements.yaml' || path === 'requirements.lock'))) continue
    if (path.startsWith('templates/')) templates.push((same(path) ? known.get(path) : undefined) ?? { name: path, text: stringOf(content) })
    else if (path.startsWith('charts/') && !path.endsWith('.prov')) addNested(nested, path.slice('charts/'.length), content)
    else {
      others.set(path, content)
      sameOthers &&= same(path)
    }
  }
  return { templates, nested, others: previous !== undefined && sameOthers && previous.files.size === others.size ? previous.files : others }
}

function addNested(nested: Map<string, Map<string, Uint8Array>>, path: string, content: Uint8Array): void {
  const slash = path.indexOf('/')
  const name = slash < 0 ? path : path.slice(0, slash)
  let inner = nested.get(name)
  if (inner === undefined) nested.set(name, inner = new Map())
  inner.set(slash < 0 ? '' : path.slice(slash + 1), content)
}

function unpacked(archive: Uint8Array, budget: Budget, source: string): Map<string, Uint8Array> {
  const files = readArchive(archive, budget, source)
  budget.maxFiles -= files.size
  for (const content of files.values()) budget.maxBytes -= content.length
  return files
}

interface Nested { readonly parent: string; readonly depth: number; readonly options: LoadOptions; readonly before: Chart | undefined; readonly budget: Budget }

function nestedChart(name: string, files: Map<string, Uint8Array>, source: string, { parent, depth, options, before: parentBefore, budget }: Nested): [string, Chart][] {
  if (name.startsWith('_') || name.startsWith('.')) return []
  try {
    const archive = files.get('')
    const before = parentBefore === undefined ? undefined : folders.get(parentBefore)?.get(name)
    files.delete('')
    const packed = name.endsWith('.tgz') && archive !== undefined
    if (packed && before !== undefined && sameBytes(archives.get(before), archive)) return [[name, before]]
    const chart = chartOf(packed ? unpacked(archive, budget, source) : files, source, depth, options, before, budget)
    if (packed) archives.set(chart, archive)
    return [[name, chart]]
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    throw new CodedError({ code: error.code, message: `error unpacking subchart ${name} in ${parent}: ${error.message}`, where: error.where ?? source, cause: error })
  }
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** YAML faults of a chart's files, said as helm says them. */
function loaded<T>(source: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== 'InvalidYaml') throw error
    throw new CodedError({ code: error.code, message: `cannot load ${baseName(source)}: ${yamlFault(error)}`, where: error.where, cause: error })
  }
}

/** Reads values: several documents are merged, later ones win. */
export function readValues(text: string, source: string, duplicateKeys?: DuplicateKeys): JsonObject {
  let merged: JsonObject = {}
  for (const value of loaded(source, () => readValuesText(text, source, duplicateKeys))) {
    if (value === null) continue
    if (typeof value !== 'object' || Array.isArray(value)) throw new CodedError({ code: 'InvalidValues', message: `cannot load ${baseName(source)}: cannot unmarshal yaml document: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonKind(value)} into Go value of type map[string]interface {}`, where: source })
    merged = Object.keys(merged).length === 0 ? value : mergeMaps(merged, value)
  }
  return merged
}

/** Merges maps into a new one; `over` wins, maps are merged in depth. */
export function mergeMaps(under: JsonObject, over: JsonObject): JsonObject {
  const out: JsonObject = { ...under }
  for (const [key, value] of Object.entries(over)) {
    const before = Object.hasOwn(out, key) ? out[key] : undefined
    const merged: Json = isTable(value) && isTable(before) ? mergeMaps(before, value) : value
    if (key === '__proto__') Object.defineProperty(out, key, { value: merged, enumerable: true, configurable: true, writable: true })
    else out[key] = merged
  }
  return out
}

function isTable(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
