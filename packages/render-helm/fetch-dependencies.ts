import { rfc3339, type Clock, type FileEntry, type FileTree } from '@idp/kit'
import { formatYaml } from '@idp/formats'
import { stringOf } from '@idp/lang-gotemplate/core'
import { fetchChart, isMap, refuse, sha256, type ChartSource, type FetchedChart } from './chart-repository.ts'
import type { Dependency } from './chart.ts'
import { readYaml } from './go-yaml.ts'
import { isInRange } from './dependencies.ts'
import { readMetadata, readRequirements } from './metadata.ts'

export interface FetchedDependencies {
  /** The chart with the archives of its dependencies in `charts/`. */
  readonly tree: FileTree
  /** Chart.lock. */
  readonly lock: string
  readonly charts: readonly (Locked & { readonly digest: string })[]
}

interface Locked { readonly name: string; readonly repository: string; readonly version: string }

/**
 * Fetches the dependencies of a chart that are not in its `charts/` folder: those of Chart.lock when there is one (as `helm dependency build`), else the newest in
 * range (as `helm dependency update`). Throws CodedError, `StaleLock` when Chart.lock belongs to other dependencies.
 */
export async function fetchDependencies(chart: FileTree, source: DependencySource, clock: Clock): Promise<FetchedDependencies> {
  return await fetchAll(chart, source, clock, [''])
}

/** Where dependencies come from. */
export interface DependencySource extends ChartSource {
  /** The chart of a `file://` dependency, by its path from the chart that is rendered (`../common`); undefined when there is none. */
  readonly local?: (path: string) => Promise<FileTree | undefined>
}

async function fetchAll(chart: FileTree, source: DependencySource, clock: Clock, trail: readonly string[]): Promise<FetchedDependencies> {
  const { dependencies, lockFile } = await readWanted(chart)
  const locked = lockFile === undefined ? undefined : readLock(lockFile, dependencies)
  const present = new Set((await chart.list('charts') ?? []).map(({ name }) => name))
  const added = new Map<string, Uint8Array>()
  const local = new Map<string, FileTree>()
  const charts: (Locked & { digest: string })[] = []
  for (const dependency of dependencies) {
    if (dependency.repository === '' || present.has(dependency.name)) continue
    if (dependency.repository.startsWith('file://')) {
      const found = await localChart(dependency, source, clock, trail)
      local.set(dependency.name, found.tree)
      charts.push({ name: dependency.name, repository: dependency.repository, version: found.version, digest: '' })
      continue
    }
    const version = locked?.find(({ name, repository }) => name === dependency.name && repository === dependency.repository)?.version ?? dependency.version
    const fetched: FetchedChart = await fetchChart({ name: dependency.name, repository: dependency.repository, version }, source)
    added.set(`${dependency.name}-${fetched.version}.tgz`, fetched.archive)
    charts.push({ name: dependency.name, repository: dependency.repository, version: fetched.version, digest: fetched.digest })
  }
  return { tree: withCharts(chart, added, local), charts, lock: lockFile ?? writeLock(dependencies, charts, clock) }
}

async function readWanted(chart: FileTree): Promise<{ dependencies: readonly Dependency[]; lockFile: string | undefined }> {
  const read = async (name: string) => {
    const bytes = await chart.read(name)
    return bytes === undefined ? undefined : stringOf(bytes)
  }
  const metadata = readMetadata(await read('Chart.yaml') ?? refuse('InvalidChart', 'Chart.yaml file is missing', 'Chart.yaml'), 'Chart.yaml')
  const requirements = await read('requirements.yaml')
  return {
    dependencies: requirements === undefined ? metadata.dependencies : readRequirements(requirements, 'requirements.yaml'),
    lockFile: await read('Chart.lock') ?? await read('requirements.lock'),
  }
}

function readLock(text: string, dependencies: readonly Dependency[]): Locked[] {
  const lock = readYaml(text, 'Chart.lock')
  const list = isMap(lock) && Array.isArray(lock['dependencies']) ? lock['dependencies'].filter(isMap) : []
  const locked = list.map((one) => ({ name: String(one['name']), repository: String(one['repository'] ?? ''), version: String(one['version']) }))
  const isStale = isMap(lock) && typeof lock['digest'] === 'string' && lock['digest'] !== lockDigest(dependencies, locked)
  const isOutOfRange = dependencies.some((wanted) => !locked.some((one) => one.name === wanted.name && isInRange(wanted.version, one.version)))
  if (isStale || isOutOfRange) refuse('StaleLock', 'the lock file (Chart.lock) is out of sync with the dependencies file (Chart.yaml)', 'Chart.lock')
  return locked
}

/** Helm's digest of what was wanted and what was found. */
function lockDigest(wanted: readonly Dependency[], locked: readonly Locked[]): string {
  const optional = (entry: Record<string, unknown>) => Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== '' && !(Array.isArray(value) && value.length === 0)))
  const first = wanted.map(({ name, version, repository, condition, tags, importValues, alias }) => ({
    name, ...optional({ version }), repository, ...optional({ condition, tags, 'import-values': importValues, alias }),
  }))
  const second = locked.map(({ name, version, repository }) => ({ name, version, repository }))
  const json = JSON.stringify([first, second]).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return `sha256:${sha256(new TextEncoder().encode(json))}`
}

function writeLock(dependencies: readonly Dependency[], charts: readonly Locked[], clock: Clock): string {
  const locked = dependencies.map(({ name, repository, version }) => ({ name, repository, version: charts.find((one) => one.name === name && one.repository === repository)?.version ?? version }))
  return formatYaml({ dependencies: locked, digest: lockDigest(dependencies, locked), generated: rfc3339(clock.now()) })
}

/** A chart on the same disk, with its own dependencies. `trail` are the paths of the charts that need it. */
async function localChart(dependency: Dependency, source: DependencySource, clock: Clock, trail: readonly string[]): Promise<{ tree: FileTree; version: string }> {
  const path = joined(trail.at(-1) ?? '', dependency.repository.slice('file://'.length))
  if (trail.includes(path)) refuse('CyclicDependency', `${[...trail, path].map((one) => one || '.').join(' needs ')}: charts that need each other cannot be put together`, `${dependency.name} from ${dependency.repository}`)
  const found = await source.local?.(path)
  if (source.local === undefined) return refuse('UnknownRepository', `${dependency.repository} lies outside the chart; put the chart into charts/`, dependency.name)
  if (found === undefined) return refuse('ChartNotFound', `directory ${path} not found`, dependency.name)
  const chartFile = await found.read('Chart.yaml')
  const { version } = readMetadata(chartFile === undefined ? refuse('InvalidChart', 'Chart.yaml file is missing', path) : stringOf(chartFile), `${path}/Chart.yaml`)
  if (!isInRange(dependency.version, version)) refuse('ChartNotFound', `can't get a valid version for dependency ${dependency.name}: ${path} is ${version}, wanted is ${dependency.version}`, dependency.name)
  return { tree: (await fetchAll(found, source, clock, [...trail, path])).tree, version }
}

function joined(base: string, path: string): string {
  if (path.startsWith('/')) return path.replace(/\/+$/, '')
  const parts = base === '' ? [] : base.split('/')
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop()
    else parts.push(part)
  }
  return parts.join('/')
}

/** A tree with more archives and charts in its `charts/` folder. */
function withCharts(tree: FileTree, archives: ReadonlyMap<string, Uint8Array>, local: ReadonlyMap<string, FileTree>): FileTree {
  if (archives.size === 0 && local.size === 0) return tree
  const inside = (path: string): { chart: FileTree; rest: string } | undefined => {
    const [, name = '', rest = ''] = /^charts\/([^/]+)(?:\/(.*))?$/.exec(path) ?? []
    const chart = local.get(name)
    return chart === undefined ? undefined : { chart, rest }
  }
  return {
    async read(path) {
      const found = inside(path)
      if (found !== undefined) return await found.chart.read(found.rest)
      return (path.startsWith('charts/') ? archives.get(path.slice('charts/'.length)) : undefined) ?? await tree.read(path)
    },
    async list(path) {
      const found = inside(path)
      if (found !== undefined) return await found.chart.list(found.rest)
      const entries = await tree.list(path)
      if (path === '') return merged(entries ?? [], [{ name: 'charts', directory: true }])
      if (path !== 'charts') return entries
      return merged(entries ?? [], [...[...archives.keys()].map((name) => ({ name, directory: false })), ...[...local.keys()].map((name) => ({ name, directory: true }))])
    },
  }
}

function merged(entries: readonly FileEntry[], more: readonly FileEntry[]): FileEntry[] {
  return [...entries.filter(({ name }) => !more.some((one) => one.name === name)), ...more].sort((a, b) => (a.name < b.name ? -1 : 1))
}
