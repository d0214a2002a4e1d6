import { CodedError } from '@idp/kit'

/** A container image's name, taken apart. */
export interface ImageReference {
  /** With registry, e.g. `docker.io/library/nginx`. */
  readonly repository: string
  readonly tag: string | undefined
  readonly digest: string | undefined
}

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const pathPattern = new RegExp(`^${component}(?:/${component})*$`)
const domainPattern = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/
const tagPattern = /^[\w][\w.-]{0,127}$/
const digestPattern = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/
const longestName = 255

/** Parses `[registry/]path[:tag][@digest]` (the distribution project's reference grammar); `nginx` is `docker.io/library/nginx`. Throws CodedError `InvalidImageName`. */
export function parseImage(image: string): ImageReference {
  const at = image.indexOf('@')
  const digest = at < 0 ? undefined : image.slice(at + 1)
  const named = at < 0 ? image : image.slice(0, at)
  const colon = named.lastIndexOf(':')
  const hasTag = colon > named.lastIndexOf('/')
  const name = hasTag ? named.slice(0, colon) : named
  const tag = hasTag ? named.slice(colon + 1) : undefined
  const slash = name.indexOf('/')
  const first = slash < 0 ? '' : name.slice(0, slash)
  const isDomain = first.includes('.') || first.includes(':') || first === 'localhost' || first !== first.toLowerCase()
  const registry = isDomain ? first : 'docker.io'
  const rest = isDomain ? name.slice(slash + 1) : name
  const path = registry === 'docker.io' && !rest.includes('/') ? `library/${rest}` : rest
  const wellFormed = domainPattern.test(registry) && pathPattern.test(rest) && name.length <= longestName
    && (tag === undefined || tagPattern.test(tag)) && (digest === undefined || digestPattern.test(digest))
  if (!wellFormed) {
    throw new CodedError({
      code: 'InvalidImageName', message: `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`, where: image,
      remedy: 'write [registry/]repository[:tag][@digest] with a lower-case repository',
    })
  }
  return { repository: `${registry === 'index.docker.io' ? 'docker.io' : registry}/${path}`, tag: tag ?? (digest === undefined ? 'latest' : undefined), digest }
}
