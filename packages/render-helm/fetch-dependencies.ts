import { rfc3339, type Clock, type FileEntry, type FileTree } from '@idp/kit'
import { formatYaml } from '@idp/formats'
import { stringOf } from '@idp/lang-gotemplate'
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
export async function fetchDependencies(chart: FileTree, source: ChartSource, clock: Clock): Promise<FetchedDependencies> {
  const { dependencies, lockFile } = await readWanted(chart)
  const locked = lockFile === undefined ? undefined : readLock(lockFile, dependencies)
  const present = new Set((await chart.list('charts') ?? []).map(({ name }) => name))
  const added = new Map<string, Uint8Array>()
  const charts: (Locked & { digest: string })[] = []
  for (const dependency of dependencies) {
    if (dependency.repository === '' || present.has(dependency.name)) continue
    if (dependency.repository.startsWith('file://')) refuse('UnknownRepository', `${dependency.repository} lies outside the chart; put the chart into charts/`, dependency.name)
    const version = locked?.find(({ name, repository }) => name === dependency.name && repository === dependency.repository)?.version ?? dependency.version
    const fetched: FetchedChart = await fetchChart({ name: dependency.name, repository: dependency.repository, version }, source)
    added.set(`${dependency.name}-${fetched.version}.tgz`, fetched.archive)
    charts.push({ name: dependency.name, repository: dependency.repository, version: fetched.version, digest: fetched.digest })
  }
  return { tree: withArchives(chart, added), charts, lock: lockFile ?? writeLock(dependencies, charts, clock) }
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
  return `sha256:${sha256(Buffer.from(json))}`
}

function writeLock(dependencies: readonly Dependency[], charts: readonly Locked[], clock: Clock): string {
  const locked = dependencies.map(({ name, repository, version }) => ({ name, repository, version: charts.find((one) => one.name === name && one.repository === repository)?.version ?? version }))
  return formatYaml({ dependencies: locked, digest: lockDigest(dependencies, locked), generated: rfc3339(clock.now()) })
}

/** A tree with more archives in its `charts/` folder. */
function withArchives(tree: FileTree, added: ReadonlyMap<string, Uint8Array>): FileTree {
  if (added.size === 0) return tree
  return {
    read: async (path) => (path.startsWith('charts/') ? added.get(path.slice('charts/'.length)) : undefined) ?? tree.read(path),
    async list(path) {
      const entries = await tree.list(path)
      if (path === '') return merged(entries ?? [], [{ name: 'charts', directory: true }])
      return path === 'charts' ? merged(entries ?? [], [...added.keys()].map((name) => ({ name, directory: false }))) : entries
    },
  }
}

function merged(entries: readonly FileEntry[], more: readonly FileEntry[]): FileEntry[] {
  return [...entries.filter(({ name }) => !more.some((one) => one.name === name)), ...more].sort((a, b) => (a.name < b.name ? -1 : 1))
}
