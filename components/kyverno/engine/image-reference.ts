import type { Json, JsonObject } from '@idp/formats'

/** An image's parts as policies see them under `images.containers.NAME`. */
export interface ImageReference {
  readonly registry: string; readonly path: string; readonly name: string; readonly tag: string; readonly digest: string
  /** The reference with registry and tag filled in. */
  readonly reference: string
  readonly referenceWithTag: string
}

/** Reads `nginx`, `ghcr.io/org/app:1.2`, `app@sha256:…`; what is left out becomes docker.io and `latest` (no tag is made up beside a digest). Undefined for what is no reference. */
export function parseImage(text: string, defaultRegistry = 'docker.io'): ImageReference | undefined {
  const [, rest = '', digest = ''] = /^([^@]+)(?:@([a-z0-9]+:[a-f0-9]+))?$/.exec(text) ?? []
  const slash = rest.indexOf('/')
  const host = slash < 0 ? '' : rest.slice(0, slash)
  const hasHost = host.includes('.') || host.includes(':') || host === 'localhost'
  const [, path = '', given = ''] = /^([a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::([\w][\w.-]{0,127}))?$/.exec(hasHost ? rest.slice(slash + 1) : rest) ?? []
  if (path === '') return undefined
  const registry = hasHost ? host : defaultRegistry
  const tag = given === '' && digest === '' ? 'latest' : given
  const base = `${registry}/${path}`
  const withTag = tag === '' ? base : `${base}:${tag}`
  return { registry, path, name: path.split('/').at(-1) ?? '', tag, digest, reference: digest === '' ? withTag : `${base}@${digest}`, referenceWithTag: withTag }
}

const podPaths: Readonly<Record<string, readonly string[]>> = { Pod: ['spec'], CronJob: ['spec', 'jobTemplate', 'spec', 'template', 'spec'] }
const templates = new Set(['Deployment', 'DaemonSet', 'StatefulSet', 'ReplicaSet', 'ReplicationController', 'Job'])

/** The `images` variable: `{containers: {NAME: {…}}, initContainers, ephemeralContainers}` of a pod or a pod controller; undefined where there are none. */
export function imagesOf(object: JsonObject): JsonObject | undefined {
  const kind = String(object['kind'])
  const path = podPaths[kind] ?? (templates.has(kind) ? ['spec', 'template', 'spec'] : undefined)
  if (path === undefined) return undefined
  const spec = path.reduce<Json | undefined>((value, key) => (typeof value === 'object' && value !== null && !Array.isArray(value) ? value[key] : undefined), object)
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) return undefined
  const images: JsonObject = {}
  for (const list of ['initContainers', 'containers', 'ephemeralContainers']) {
    const found: JsonObject = {}
    const items = spec[list]
    for (const [index, item] of (Array.isArray(items) ? items : []).entries()) {
      const { name, image } = (item ?? {}) as { name?: string; image?: string }
      const parsed = typeof image === 'string' ? parseImage(image) : undefined
      if (parsed !== undefined) found[name ?? String(index)] = { ...parsed, jsonPointer: `/${[...path, list, index, 'image'].join('/')}` } as JsonObject
    }
    if (Object.keys(found).length > 0) images[list] = found
  }
  return Object.keys(images).length === 0 ? undefined : images
}
