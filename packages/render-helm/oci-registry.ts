import { CodedError } from '@idp/kit'
import type { JsonObject } from '@idp/formats'
import { download, isMap, newestInRange, refuse, sha256, type ChartReference, type ChartSource, type FetchedChart } from './chart-repository.ts'

const manifestTypes = 'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json'
const chartType = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip'

/** Pulls a chart from a registry (https://helm.sh/docs/topics/registries/, OCI distribution specification 1.1). Throws CodedError. */
export async function pullOciChart(wanted: ChartReference, source: ChartSource): Promise<FetchedChart> {
  const { host, path } = partsOf(wanted)
  const base = `${/^(?:localhost|127\.|\[::1\])/.test(host) ? 'http' : 'https'}://${host}/v2/${path}`
  const where = `${wanted.repository}/${wanted.name}`
  const registry = await openRegistry(base, path, source)
  const version = newestInRange(await tags(registry, base, where), wanted.version, where)
  const manifest = readJson(await registry(`${base}/manifests/${version.replaceAll('+', '_')}`, { accept: manifestTypes }), where)
  const layers = Array.isArray(manifest['layers']) ? manifest['layers'].filter(isMap) : []
  const layer = layers.find((one) => one['mediaType'] === chartType)
  const digest = typeof layer?.['digest'] === 'string' ? layer['digest'] : refuse('InvalidRepository', 'the manifest has no chart in it', where)
  const archive = await registry(`${base}/blobs/${digest}`, {})
  if (`sha256:${sha256(archive)}` !== digest) refuse('WrongDigest', `the archive has digest sha256:${sha256(archive)}, the manifest promises ${digest}`, where)
  return { archive, version, digest: sha256(archive) }
}

function partsOf(wanted: ChartReference): { host: string; path: string } {
  const [host = '', ...path] = wanted.repository.slice('oci://'.length).split('/').filter((part) => part !== '')
  return { host, path: [...path, wanted.name].join('/') }
}

type Get = (url: string, headers: Record<string, string>) => Promise<Uint8Array>

/** GET with the token the registry asks for, if it asks. */
async function openRegistry(base: string, path: string, source: ChartSource): Promise<Get> {
  const url = `${base}/tags/list`
  const response = await source.fetch(url, source.signal === undefined ? {} : { signal: source.signal }).catch((error: unknown) => refuse('RepositoryUnavailable', `cannot reach ${url}`, url, error))
  await response.body?.cancel()
  const challenge = response.status === 401 ? /^Bearer (.*)$/i.exec(response.headers.get('www-authenticate') ?? '')?.[1] : undefined
  if (challenge === undefined) return (address, headers) => download(address, source, headers)
  const fields = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map((match) => [match[1] ?? '', match[2] ?? '']))
  const realm = new URL(fields['realm'] ?? refuse('InvalidRepository', 'the registry names no place for tokens', url))
  if (fields['service'] !== undefined) realm.searchParams.set('service', fields['service'])
  realm.searchParams.set('scope', fields['scope'] ?? `repository:${path}:pull`)
  const credentials = source.authorization?.(new URL(base).host)
  const answer = readJson(await download(realm.href, source, credentials === undefined ? {} : { authorization: credentials }), realm.href)
  const token = answer['token'] ?? answer['access_token']
  if (typeof token !== 'string') throw new CodedError({ code: 'InvalidRepository', message: 'the registry gives no token', where: realm.href })
  return (address, headers) => download(address, source, { ...headers, authorization: `Bearer ${token}` })
}

async function tags(get: Get, base: string, where: string): Promise<string[]> {
  const list = readJson(await get(`${base}/tags/list`, {}), where)['tags']
  // A plus may not stand in a tag; Helm writes it as an underscore.
  return (Array.isArray(list) ? list : []).map((tag) => String(tag).replaceAll('_', '+'))
}

function readJson(bytes: Uint8Array, where: string): JsonObject {
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes)) as unknown
    if (isMap(value)) return value
  } catch (error) {
    refuse('InvalidRepository', 'the registry answers no JSON', where, error)
  }
  return refuse('InvalidRepository', 'the registry answers no JSON object', where)
}
