import { createHash } from 'node:crypto'
import type { Json, JsonObject } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import { parseImage } from '@idp/lang-jmespath'

/** A repository of a registry. */
export interface Repository { readonly registry: string; readonly path: string }
export interface Manifest { readonly digest: string; readonly mediaType: string; readonly content: JsonObject }
export interface Credentials { readonly username: string; readonly password: string }

/** An OCI registry as policies need it (Distribution API v2): reading manifests and blobs, nothing else. What comes back has the digest that was asked for. */
export interface RegistryClient {
  /** The manifest that a tag or digest names; undefined where there is none. Throws CodedError `RegistryFailed`. */
  manifest(repository: Repository, reference: string): Promise<Manifest | undefined>
  blob(repository: Repository, digest: string): Promise<Buffer>
}

export interface RegistryClientOptions {
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>
  readonly credentials?: (registry: string) => Promise<Credentials | undefined>
  /** Registries that are spoken to without TLS. */
  readonly insecure?: (registry: string) => boolean
}

const manifestTypes = ['application/vnd.oci.image.index.v1+json', 'application/vnd.docker.distribution.manifest.list.v2+json', 'application/vnd.oci.image.manifest.v1+json', 'application/vnd.docker.distribution.manifest.v2+json'].join(', ')
const maxManifest = 4 * 2 ** 20
const maxBlob = 32 * 2 ** 20

/** `sha256:…` of bytes. */
export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** Where an image lies, and the tag or digest it is named by. Throws CodedError `InvalidImage`. */
export function locate(image: string): { readonly repository: Repository; readonly tag: string; readonly digest: string } {
  const parsed = parseImage(image)
  if (parsed === undefined) throw new CodedError({ code: 'InvalidImage', message: `could not parse reference: ${image}`, where: image })
  const { registry, path, tag, digest } = parsed
  return { repository: { registry, path: registry === 'docker.io' && !path.includes('/') ? `library/${path}` : path }, tag, digest }
}

const hostOf = (registry: string): string => (registry === 'docker.io' || registry === 'index.docker.io' ? 'registry-1.docker.io' : registry)

export function createRegistryClient({ fetch, credentials = async () => undefined, insecure = () => false }: RegistryClientOptions): RegistryClient {
  const authorizations = new Map<string, string>()
  const get = async ({ registry, path }: Repository, rest: string, accept: string): Promise<Response> => {
    const url = `${insecure(registry) ? 'http' : 'https'}://${hostOf(registry)}/v2/${path}/${rest}`
    const key = `${registry}/${path}`
    const ask = (): Promise<Response> => fetch(url, { headers: { accept, ...(authorizations.has(key) ? { authorization: authorizations.get(key) ?? '' } : {}) } })
    try {
      const first = await ask()
      if (first.status !== 401) return first
      authorizations.set(key, await authorize(first.headers.get('www-authenticate') ?? '', await credentials(registry), fetch))
      return await ask()
    } catch (error) {
      throw new CodedError({ code: 'RegistryFailed', message: `GET ${url}: ${messageOf(error)}`, where: registry, cause: error })
    }
  }
  const failed = (what: string, { registry, path }: Repository, why: string): CodedError => new CodedError({ code: 'RegistryFailed', message: `${what} of ${registry}/${path}: ${why}`, where: registry })
  return {
    async manifest(repository, reference) {
      const response = await get(repository, `manifests/${reference}`, manifestTypes)
      if (response.status === 404) return undefined
      if (!response.ok) throw failed(`manifest ${reference}`, repository, `HTTP ${response.status}`)
      const bytes = await bytesOf(response, maxManifest)
      const digest = digestOf(bytes)
      if (reference.startsWith('sha256:') && reference !== digest) throw failed(`manifest ${reference}`, repository, `it has the digest ${digest}`)
      const content = JSON.parse(bytes.toString()) as JsonObject
      return { digest, content, mediaType: String(content['mediaType'] ?? response.headers.get('content-type') ?? '') }
    },
    async blob(repository, digest) {
      const response = await get(repository, `blobs/${digest}`, '*/*')
      if (!response.ok) throw failed(`blob ${digest}`, repository, `HTTP ${response.status}`)
      const bytes = await bytesOf(response, maxBlob)
      if (digestOf(bytes) !== digest) throw failed(`blob ${digest}`, repository, 'its content has another digest')
      return bytes
    },
  }
}

/** The authorization that a challenge asks for (Basic, or a token of the realm it names). */
async function authorize(challenge: string, known: Credentials | undefined, fetch: RegistryClientOptions['fetch']): Promise<string> {
  const basic = known === undefined ? undefined : `Basic ${Buffer.from(`${known.username}:${known.password}`).toString('base64')}`
  if (/^basic/i.test(challenge)) return basic ?? ''
  const fields = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]))
  const realm = fields['realm']
  if (realm === undefined) throw new CodedError({ code: 'RegistryFailed', message: 'the registry asks for an authorization that is not known' })
  const url = new URL(realm)
  for (const name of ['service', 'scope']) if (fields[name] !== undefined) url.searchParams.set(name, fields[name])
  const response = await fetch(url.href, basic === undefined ? {} : { headers: { authorization: basic } })
  if (!response.ok) throw new CodedError({ code: 'RegistryFailed', message: `unauthorized: the token service answers HTTP ${response.status}` })
  const { token, access_token: other } = (await response.json()) as { token?: string; access_token?: string }
  return `Bearer ${token ?? other ?? ''}`
}

async function bytesOf(response: Response, most: number): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of response.body ?? []) {
    size += part.length
    if (size > most) throw new CodedError({ code: 'RegistryFailed', message: `an answer is longer than ${most} bytes` })
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** What `imageRegistry` of a context gives: the image's parts, its manifest and its configuration. */
export async function imageData(client: RegistryClient, image: string): Promise<JsonObject> {
  const { repository, tag, digest } = locate(image)
  const identifier = digest === '' ? tag : digest
  const top = await client.manifest(repository, identifier)
  if (top === undefined) throw new CodedError({ code: 'RegistryFailed', message: `failed to fetch image reference: ${image}: not found`, where: image })
  const list = Array.isArray(top.content['manifests']) ? top.content : undefined
  const manifest = list === undefined ? top : await client.manifest(repository, platformDigest(list, image))
  const config = (manifest?.content['config'] as { digest?: string } | undefined)?.digest
  const configData: Json = config === undefined ? {} : JSON.parse((await client.blob(repository, config)).toString()) as Json
  const name = `${repository.registry === 'docker.io' ? 'index.docker.io' : repository.registry}/${repository.path}`
  return {
    image, resolvedImage: `${name}@${top.digest}`, registry: repository.registry === 'docker.io' ? 'index.docker.io' : repository.registry, repository: repository.path, identifier,
    manifest: manifest?.content ?? {}, configData, ...(list === undefined ? {} : { manifestList: list }),
  }
}

/** linux/amd64 of a list, else its first. */
function platformDigest(list: JsonObject, image: string): string {
  const manifests = list['manifests'] as unknown as readonly { readonly digest: string; readonly platform?: { readonly os?: string; readonly architecture?: string } }[]
  const found = manifests.find(({ platform }) => platform?.os === 'linux' && platform.architecture === 'amd64') ?? manifests[0]
  if (found === undefined) throw new CodedError({ code: 'RegistryFailed', message: `the index of ${image} is empty`, where: image })
  return found.digest
}
