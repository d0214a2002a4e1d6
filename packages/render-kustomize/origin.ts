import { formatYaml } from '@idp/formats'
import { parseRepositoryUrl } from './repository-url.ts'

/** Where a resource came from or what changed it, for `buildMetadata`. */
export interface Origin {
  readonly path?: string
  readonly repo?: string
  readonly ref?: string
  readonly configuredIn?: string
  readonly configuredBy?: { readonly apiVersion?: string; readonly kind?: string; readonly name?: string; readonly namespace?: string }
}

export const ORIGIN_ANNOTATION = 'config.kubernetes.io/origin'
export const TRANSFORMATIONS_ANNOTATION = 'alpha.config.kubernetes.io/transformations'

/** The annotation's text: members in the order of kustomize's struct, empty ones left out. */
export function formatOrigin(origin: Origin): string {
  return formatYaml(ordered(origin), { sortKeys: false })
}

export function formatOrigins(origins: readonly Origin[]): string {
  return formatYaml(origins.map(ordered), { sortKeys: false })
}

function ordered(origin: Origin): object {
  const by = origin.configuredBy
  return {
    path: origin.path === '' ? undefined : origin.path,
    repo: origin.repo === '' ? undefined : origin.repo,
    ref: origin.ref === '' ? undefined : origin.ref,
    configuredIn: origin.configuredIn,
    configuredBy: by && { apiVersion: by.apiVersion, kind: by.kind, name: by.name || undefined, namespace: by.namespace || undefined },
  }
}

/** The origin of something that is named inside what has this one. */
export function appendOrigin(origin: Origin, path: string): Origin {
  const url = parseRepositoryUrl(path)
  if (url !== undefined) return { repo: url.repository, path: url.path, ...(url.ref === undefined ? {} : { ref: url.ref }) }
  const parts: string[] = []
  for (const part of `${origin.path ?? ''}/${path}`.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop()
    else parts.push(part)
  }
  return { ...origin, path: parts.join('/') }
}
