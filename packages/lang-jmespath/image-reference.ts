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
