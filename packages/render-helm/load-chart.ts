import { CodedError, type FileTree } from '@idp/kit'
import type { Json, JsonObject } from '@idp/formats'
import { stringOf } from '@idp/lang-gotemplate'
import { readArchive } from './archive.ts'
import type { Chart, Dependency, Metadata, TemplateFile } from './chart.ts'
import { readYamlDocuments } from './go-yaml.ts'
import { readIgnoreRules, type IgnoreRules } from './helmignore.ts'
import { readMetadata, readRequirements } from './metadata.ts'

export interface LoadOptions {
  /** Name in error messages, e.g. the folder. */
  readonly source?: string
  readonly maxFiles?: number
  readonly maxBytes?: number
  /** Charts within charts. */
  readonly maxDepth?: number
}

const defaults = { maxFiles: 20_000, maxBytes: 100 * 1024 * 1024, maxDepth: 20 }

/** Reads a chart from a folder: `.helmignore` holds, archives in `charts/` are unpacked. Throws CodedError. */
export async function loadChart(tree: FileTree, options: LoadOptions = {}): Promise<Chart> {
  const ignoreFile = await tree.read('.helmignore')
  const files = await readAll(tree, readIgnoreRules(ignoreFile === undefined ? '' : stringOf(ignoreFile)), options)
  return chartOf(files, options.source ?? '', 0, options)
}

/** Reads a chart from a `.tgz`. Throws CodedError. */
export function loadChartArchive(archive: Uint8Array, options: LoadOptions = {}): Chart {
  return chartOf(readArchive(archive, limitsOf(options)), options.source ?? '', 0, options)
}

function limitsOf(options: LoadOptions) {
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

function chartOf(files: ReadonlyMap<string, Uint8Array>, source: string, depth: number, options: LoadOptions): Chart {
  if (depth > (options.maxDepth ?? defaults.maxDepth)) throw new CodedError({ code: 'ChartTooDeep', message: 'charts are nested too deeply', where: source })
  const at = (name: string) => (source === '' ? name : `${source}/${name}`)
  const chartFile = files.get('Chart.yaml')
  if (chartFile === undefined) throw new CodedError({ code: 'InvalidChart', message: 'Chart.yaml file is missing', where: source || undefined })
  let metadata: Metadata = readMetadata(stringOf(chartFile), at('Chart.yaml'))
  const requirements = files.get('requirements.yaml')
  if (requirements !== undefined) {
    const dependencies: Dependency[] = readRequirements(stringOf(requirements), at('requirements.yaml'))
    metadata = { ...metadata, dependencies }
  }
  const templates: TemplateFile[] = []
  const others = new Map<string, Uint8Array>()
  const nested = new Map<string, Map<string, Uint8Array>>()
  for (const [path, content] of files) sortFile(path, content, metadata, templates, others, nested)
  const values = files.get('values.yaml')
  const schema = files.get('values.schema.json')
  const lock = files.get('Chart.lock') ?? files.get('requirements.lock')
  return {
    metadata, templates, files: others,
    values: values === undefined ? {} : readValues(stringOf(values), at('values.yaml')),
    schema: schema === undefined ? undefined : stringOf(schema),
    lock: lock === undefined ? undefined : stringOf(lock),
    dependencies: [...nested].flatMap(([name, inner]) => nestedChart(name, inner, at(`charts/${name}`), metadata.name, depth + 1, options)),
  }
}

function sortFile(
  path: string, content: Uint8Array, metadata: Metadata, templates: TemplateFile[], others: Map<string, Uint8Array>, nested: Map<string, Map<string, Uint8Array>>,
): void {
  if (path === 'Chart.yaml' || path === 'Chart.lock' || path === 'values.yaml' || path === 'values.schema.json') return
  if (path === 'requirements.yaml' || path === 'requirements.lock') {
    if (metadata.apiVersion === 'v1') others.set(path, content)
  } else if (path.startsWith('templates/')) templates.push({ name: path, text: stringOf(content) })
  else if (path.startsWith('charts/') && !path.endsWith('.prov')) {
    const rest = path.slice('charts/'.length)
    const slash = rest.indexOf('/')
    const name = slash < 0 ? rest : rest.slice(0, slash)
    let inner = nested.get(name)
    if (inner === undefined) nested.set(name, inner = new Map())
    inner.set(slash < 0 ? '' : rest.slice(slash + 1), content)
  } else others.set(path, content)
}

function nestedChart(name: string, files: Map<string, Uint8Array>, source: string, parent: string, depth: number, options: LoadOptions): Chart[] {
  if (name.startsWith('_') || name.startsWith('.')) return []
  try {
    const archive = files.get('')
    if (name.endsWith('.tgz') && archive !== undefined) return [chartOf(readArchive(archive, limitsOf(options)), source, depth, options)]
    files.delete('')
    return [chartOf(files, source, depth, options)]
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    throw new CodedError({ code: error.code, message: `error unpacking subchart ${name} in ${parent}: ${error.message}`, where: error.where ?? source, cause: error })
  }
}

/** Reads values: several documents are merged, later ones win. */
export function readValues(text: string, source: string): JsonObject {
  let merged: JsonObject = {}
  for (const { value } of readYamlDocuments(text, source)) {
    if (value === null) continue
    if (typeof value !== 'object' || Array.isArray(value)) throw new CodedError({ code: 'InvalidValues', message: 'values are not a map', where: source })
    merged = mergeMaps(merged, value)
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
