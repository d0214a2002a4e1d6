import { CodedError, messageOf } from '@idp/kit'
import type { JsonObject } from '@idp/formats'
import { compareVersions, readVersion, semverCompare, stringOf, GoError } from '@idp/lang-gotemplate/core'
import { readYaml } from './go-yaml.ts'
import { digestOf } from './host.ts'
import { pullOciChart } from './oci-registry.ts'

/** Where charts come from. Everything that leaves the process is handed in. */
export interface ChartSource {
  readonly fetch: (url: string, init?: { headers?: Record<string, string>; signal?: AbortSignal }) => Promise<Response>
  /** Keeps what was fetched, by a key that names it; with it, what is known is not asked for again. */
  readonly cache?: ChartCache
  /** Value of the `authorization` header for a host. */
  readonly authorization?: (host: string) => string | undefined
  /** Names that dependencies use instead of URLs: `@name` and `alias:name`. */
  readonly aliases?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** Largest answer in bytes; default 64 Mi. */
  readonly maxBytes?: number
}

export interface ChartCache {
  get(key: string): Promise<Uint8Array | undefined>
  put(key: string, bytes: Uint8Array): Promise<void>
}

export interface ChartReference { readonly name: string; readonly version: string; readonly repository: string }

/** A packaged chart; `version` is exact, `digest` is its SHA-256. */
export interface FetchedChart { readonly archive: Uint8Array; readonly version: string; readonly digest: string }

/** Fetches the newest version of a chart that is in range, from an HTTP repository or an OCI registry. Throws CodedError. */
export async function fetchChart(wanted: ChartReference, source: ChartSource): Promise<FetchedChart> {
  const repository = resolveAlias(wanted.repository, source)
  const where = `${wanted.name} ${wanted.version} from ${repository}`
  const key = `chart ${repository} ${wanted.name} ${wanted.version}`
  const isExact = readVersion(wanted.version)?.original === wanted.version
  const kept = isExact ? await source.cache?.get(key) : undefined
  if (kept !== undefined) return { archive: kept, version: wanted.version, digest: sha256(kept) }
  const fetched = repository.startsWith('oci://') ? await pullOciChart({ ...wanted, repository }, source)
    : /^https?:\/\//.test(repository) ? await fetchFromIndex({ ...wanted, repository }, source, where)
      : refuse('UnknownRepository', `${JSON.stringify(wanted.repository)} is no http, https or oci repository`, where)
  await source.cache?.put(`chart ${repository} ${wanted.name} ${fetched.version}`, fetched.archive)
  return fetched
}

function resolveAlias(repository: string, source: ChartSource): string {
  const name = /^(?:@|alias:)(.*)$/.exec(repository)?.[1]
  if (name === undefined) return repository.replace(/\/+$/, '')
  const found = source.aliases !== undefined && Object.hasOwn(source.aliases, name) ? source.aliases[name] : undefined
  return found?.replace(/\/+$/, '') ?? refuse('UnknownRepository', `no repository is known as ${repository}`, repository)
}

export function refuse(code: string, message: string, where: string, cause?: unknown): never {
  throw new CodedError({ code, message, where, cause })
}

export function sha256(bytes: Uint8Array): string {
  return digestOf('sha256', bytes)
}

/** GET with limits; throws CodedError `RepositoryUnavailable` for anything but 200. */
export async function download(url: string, source: ChartSource, headers: Record<string, string> = {}): Promise<Uint8Array> {
  const authorization = source.authorization?.(new URL(url).host)
  const all = { ...(authorization === undefined ? {} : { authorization }), ...headers }
  let response: Response
  try {
    response = await source.fetch(url, { headers: all, ...(source.signal === undefined ? {} : { signal: source.signal }) })
  } catch (error) {
    throw new CodedError({ code: 'RepositoryUnavailable', message: `cannot reach ${url}: ${messageOf(error)}`, where: url, cause: error })
  }
  if (response.status !== 200) throw new CodedError({ code: 'RepositoryUnavailable', message: `${url} answers ${response.status}`, where: url })
  return await bodyOf(response, url, source.maxBytes ?? 64 * 1024 * 1024)
}

async function bodyOf(response: Response, url: string, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > most) throw new CodedError({ code: 'ArchiveTooLarge', message: `${url} is larger than ${most} bytes`, where: url })
    chunks.push(chunk)
  }
  const all = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}

/** The newest of some versions that is in range; pre-releases only when the range names one. */
export function newestInRange(versions: readonly string[], range: string, where: string): string {
  const read = versions.flatMap((text) => readVersion(text) ?? []).sort((a, b) => compareVersions(b, a))
  try {
    const found = read.find(({ original }) => original === range) ?? read.find(({ original }) => semverCompare(range === '' ? '>0.0.0' : range, original))
    return found?.original ?? refuse('ChartNotFound', `no version is in range ${JSON.stringify(range)}`, where)
  } catch (error) {
    if (error instanceof GoError) return refuse('InvalidVersionRange', error.message, where, error)
    throw error
  }
}

async function fetchFromIndex(wanted: ChartReference, source: ChartSource, where: string): Promise<FetchedChart> {
  const index = await readIndex(wanted.repository, source)
  const entries = index['entries']
  const listed = isMap(entries) && Object.hasOwn(entries, wanted.name) ? entries[wanted.name] : undefined
  const releases = (Array.isArray(listed) ? listed : []).filter(isMap)
  if (releases.length === 0) refuse('ChartNotFound', `the repository has no chart ${wanted.name}`, where)
  const version = newestInRange(releases.map((release) => String(release['version'])), wanted.version, where)
  const release = releases.find((one) => String(one['version']) === version)
  const [url] = Array.isArray(release?.['urls']) ? release['urls'] : []
  if (typeof url !== 'string') return refuse('ChartNotFound', `the repository names no address of version ${version}`, where)
  const promised = typeof release?.['digest'] === 'string' ? release['digest'].replace(/^sha256:/, '') : ''
  const kept = await source.cache?.get(`chart ${wanted.repository} ${wanted.name} ${version}`)
  if (kept !== undefined && (promised === '' || sha256(kept) === promised)) return { archive: kept, version, digest: sha256(kept) }
  const archive = await download(new URL(url, `${wanted.repository}/`).href, source)
  const digest = sha256(archive)
  if (promised !== '' && promised !== digest) refuse('WrongDigest', `the archive has digest ${digest}, the repository promises ${promised}`, where)
  return { archive, version, digest }
}

/** index.yaml; the kept one when the repository cannot be reached. */
async function readIndex(repository: string, source: ChartSource): Promise<JsonObject> {
  const url = `${repository}/index.yaml`
  let bytes: Uint8Array
  try {
    bytes = await download(url, source)
    await source.cache?.put(`index ${repository}`, bytes)
  } catch (error) {
    const kept = await source.cache?.get(`index ${repository}`)
    if (kept === undefined) throw error
    bytes = kept
  }
  const index = readYaml(stringOf(bytes), url)
  return isMap(index) ? index : refuse('InvalidRepository', 'index.yaml is not a map', url)
}

export function isMap(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
