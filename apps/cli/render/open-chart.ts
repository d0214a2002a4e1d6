import { readFile, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseYaml } from '@idp/formats'
import { CodedError, memoryFiles, type Clock, type FileTree } from '@idp/kit'
import { directoryFiles } from '@idp/platform'
import { fetchChart, fetchDependencies, loadChart, loadChartArchive, readArchive, type Chart, type ChartSource } from '@idp/render-helm'
import { chartCache } from './chart-cache.ts'
import { chartFetch } from './chart-http.ts'
import { isOn, one, type Given } from './flags.ts'

const archiveLimits = { maxFiles: 20_000, maxBytes: 100 * 1024 * 1024 }

/** Opens what `helm template` takes as CHART: a directory, an archive, `repo/chart`, a URL, `oci://…`, or a name with `--repo`. */
export async function openChart(reference: string, given: Given, { clock, cache }: { readonly clock: Clock; readonly cache: string }): Promise<Chart> {
  const source = async () => await chartSource(given, cache)
  const local = one(given, 'repo') === undefined && !/^(?:https?|oci):\/\//.test(reference) ? await stat(reference).catch(() => undefined) : undefined
  if (local?.isDirectory() === true) return await openTree(directoryFiles(reference), resolve(reference), given, { clock, source })
  if (local !== undefined) return await openArchive(new Uint8Array(await readFile(reference)), reference, given, { clock, source })
  const { archive, name } = await remoteArchive(reference, given, await source())
  return await openArchive(archive, name, given, { clock, source })
}

interface Services { readonly clock: Clock; readonly source: () => Promise<ChartSource> }

async function openTree(tree: FileTree, directory: string | undefined, given: Given, { clock, source }: Services): Promise<Chart> {
  if (!isOn(given, 'dependency-update')) return await loadChart(tree)
  const near = directory === undefined ? {} : { local: async (path: string) => await localTree(resolve(directory, path)) }
  return await loadChart((await fetchDependencies(tree, { ...(await source()), ...near }, clock)).tree)
}

/** The chart of a `file://` dependency: a directory beside the chart. */
async function localTree(directory: string): Promise<FileTree | undefined> {
  const found = await stat(directory).catch(() => undefined)
  return found?.isDirectory() === true ? directoryFiles(directory) : undefined
}

async function openArchive(archive: Uint8Array, where: string, given: Given, services: Services): Promise<Chart> {
  if (!isOn(given, 'dependency-update')) return loadChartArchive(archive, { source: where })
  return await openTree(memoryFiles(Object.fromEntries(readArchive(archive, archiveLimits, where))), undefined, given, services)
}

async function remoteArchive(reference: string, given: Given, source: ChartSource): Promise<{ archive: Uint8Array; name: string }> {
  const version = one(given, 'version') ?? (isOn(given, 'devel') ? '>0.0.0-0' : '')
  const repository = one(given, 'repo')
  if (repository !== undefined) return { ...(await fetchChart({ name: reference, repository, version }, source)), name: reference }
  if (reference.startsWith('oci://')) {
    const at = reference.replace(/\/+$/, '').lastIndexOf('/')
    return { ...(await fetchChart({ name: reference.slice(at + 1), repository: reference.slice(0, at), version }, source)), name: reference }
  }
  if (/^https?:\/\//.test(reference)) {
    const answer = await source.fetch(reference, { headers: authorizationOf(source, reference) })
    if (answer.status !== 200) throw new CodedError({ code: 'RepositoryUnavailable', message: `${reference} answers ${answer.status}`, where: reference })
    return { archive: new Uint8Array(await answer.arrayBuffer()), name: reference }
  }
  const slash = reference.indexOf('/')
  const alias = slash < 0 ? undefined : reference.slice(0, slash)
  if (alias === undefined || /^\.{1,2}$/.test(alias) || source.aliases?.[alias] === undefined) {
    throw new CodedError({ code: 'MissingChart', message: 'there is no such chart', where: reference, remedy: 'Name a directory, an archive, a URL, oci://…, or a name with --repo' })
  }
  return { ...(await fetchChart({ name: reference.slice(slash + 1), repository: `@${alias}`, version }, source)), name: reference }
}

function authorizationOf(source: ChartSource, url: string): Record<string, string> {
  const authorization = source.authorization?.(new URL(url).host)
  return authorization === undefined ? {} : { authorization }
}

interface Repository { name: string; url: string; username?: string; password?: string }

/** Repositories and registries as helm's own configuration names them, and the flags. */
async function chartSource(given: Given, cache: string): Promise<ChartSource> {
  const config = join(process.env['HELM_CONFIG_HOME'] ?? join(process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'helm'))
  const read = async (file: string) => await readFile(file, 'utf8').catch(() => undefined)
  const named = one(given, 'repository-config') ?? process.env['HELM_REPOSITORY_CONFIG'] ?? join(config, 'repositories.yaml')
  const repositories = (parseYaml(await read(named) ?? '', { source: named }) as { repositories?: Repository[] } | null)?.repositories ?? []
  const registry = one(given, 'registry-config') ?? process.env['HELM_REGISTRY_CONFIG'] ?? join(config, 'registry/config.json')
  const auths = (parseYaml(await read(registry) ?? '', { source: registry }) as { auths?: Record<string, { auth?: string }> } | null)?.auths ?? {}
  const [user, password] = [one(given, 'username'), one(given, 'password')]
  const wanted = one(given, 'repo')
  const own = wanted === undefined ? undefined : new URL(wanted).host
  const basic = (name: string, secret: string) => `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`
  return {
    fetch: await chartFetch(given), cache: chartCache(one(given, 'content-cache') ?? cache),
    aliases: Object.fromEntries(repositories.map(({ name, url }) => [name, url])),
    authorization(host) {
      if (user !== undefined && (own === undefined || own === host || isOn(given, 'pass-credentials'))) return basic(user, password ?? '')
      const known = repositories.find((one) => one.username !== undefined && one.username !== '' && new URL(one.url).host === host)
      if (known !== undefined) return basic(known.username ?? '', known.password ?? '')
      return auths[host]?.auth === undefined ? undefined : `Basic ${auths[host].auth}`
    },
  }
}
