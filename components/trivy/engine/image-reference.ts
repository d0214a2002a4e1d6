/** The parts of an image's name, with the defaults of container runtimes filled in. */
export interface ImageReference {
  readonly registry: string
  readonly repository: string
  /** Empty when only a digest is given. */
  readonly tag: string
  readonly digest?: string
}

export function parseImage(image: string): ImageReference {
  const [name = '', digest] = image.split('@')
  const slash = name.indexOf('/')
  const first = name.slice(0, Math.max(slash, 0))
  const hasRegistry = /[.:]/.test(first) || first === 'localhost'
  const path = hasRegistry ? name.slice(slash + 1) : name
  const colon = path.lastIndexOf(':')
  const repository = colon < 0 ? path : path.slice(0, colon)
  const registry = hasRegistry ? first : 'docker.io'
  return {
    registry: registry === 'docker.io' ? 'index.docker.io' : registry,
    repository: registry === 'docker.io' && !repository.includes('/') ? `library/${repository}` : repository,
    tag: colon < 0 ? (digest === undefined ? 'latest' : '') : path.slice(colon + 1), ...(digest === undefined ? {} : { digest }),
  }
}

/** The version that a tag names: `v1.20.4` and `1.29-alpine`; `floating` when it names a line of releases. Undefined for tags without one (`latest`). */
export function versionOfTag(tag: string): { readonly version: string; readonly floating: boolean } | undefined {
  const found = /^(?:RELEASE\.|release-)?v?(\d+(?:\.\d+)*)((?:-(?:alpha|beta|rc|pre)[.\d-]*\d)?)/i.exec(tag)
  if (found === null) return undefined
  const [, numbers = '', pre = ''] = found
  return { version: `${numbers}${pre}`, floating: numbers.split('.').length < 3 && pre === '' }
}

/** The operating system that a tag names by its suffix, as official images do: `-alpine3.20`, `-bookworm`. */
export function osOfImage({ repository, tag }: Pick<ImageReference, 'repository' | 'tag'>, now: number): { readonly family: string; readonly name: string; readonly eosl?: true } | undefined {
  const base = repository.split('/').at(-1)
  const alpine = base === 'alpine' ? /^(\d+\.\d+)/.exec(tag)?.[1] ?? '' : /-alpine(\d+\.\d+)?/.exec(tag)?.[1] ?? (/-alpine\b/.test(tag) ? '' : undefined)
  if (alpine !== undefined) return system('alpine', alpine, now)
  const code = Object.keys(debianReleases).find((name) => new RegExp(`(^|-)${name}\\b`).test(tag))
  if (code !== undefined) return system('debian', debianReleases[code] ?? '', now)
  const number = base === 'debian' ? /^(\d+)/.exec(tag)?.[1] : undefined
  return number === undefined ? undefined : system('debian', number, now)
}

const debianReleases: Readonly<Record<string, string>> = { buster: '10', bullseye: '11', bookworm: '12', trixie: '13' }
/** Last day of support (Debian: long-term support). */
const endOfSupport: Readonly<Record<string, string>> = {
  'alpine 3.14': '2023-05-01', 'alpine 3.15': '2023-11-01', 'alpine 3.16': '2024-05-23', 'alpine 3.17': '2024-11-22', 'alpine 3.18': '2025-05-09', 'alpine 3.19': '2025-11-01', 'alpine 3.20': '2026-04-01', 'alpine 3.21': '2026-11-01',
  'debian 9': '2022-06-30', 'debian 10': '2024-06-30', 'debian 11': '2026-08-31', 'debian 12': '2028-06-30',
}

function system(family: string, name: string, now: number): { family: string; name: string; eosl?: true } {
  const end = endOfSupport[`${family} ${name}`]
  return end !== undefined && Date.parse(end) < now ? { family, name, eosl: true } : { family, name }
}
