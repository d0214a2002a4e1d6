import { builtInGroupVersions, builtInResources } from '@idp/api'
import type { AnyObject, JsonObject } from '@idp/formats'
import type { GroupVersionResource } from './cel-source.ts'

let builtIn: ReadonlyMap<string, GroupVersionResource> | undefined

function builtInPlurals(): ReadonlyMap<string, GroupVersionResource> {
  builtIn ??= new Map(builtInGroupVersions().flatMap((groupVersion) => {
    const [group, version] = groupVersion.includes('/') ? groupVersion.split('/') : ['', groupVersion]
    return builtInResources(groupVersion).map(({ kind, name }) => [`${groupVersion}/${kind}`, { group: group ?? '', version: version ?? '', resource: name }] as const)
  }))
  return builtIn
}

/** The plural of a kind without a cluster to ask: of a built-in one, of a definition among `definitions`, else the usual English one. */
export function pluralOf(apiVersion: string, kind: string, definitions: readonly AnyObject[] = []): GroupVersionResource | undefined {
  if (apiVersion === undefined || apiVersion === '' || kind === undefined || kind === '') return undefined
  const known = builtInPlurals().get(`${apiVersion}/${kind}`)
  if (known !== undefined) return known
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion]
  const names = definitions.map((one) => one['spec'] as JsonObject | undefined).find((spec) => spec?.['group'] === group && (spec['names'] as JsonObject | undefined)?.['kind'] === kind)?.['names'] as JsonObject | undefined
  const lower = kind.toLowerCase()
  const guess = /[^aeiou]y$/.test(lower) ? `${lower.slice(0, -1)}ies` : /(s|x|z|ch|sh)$/.test(lower) ? `${lower}es` : `${lower}s`
  return { group, version, resource: typeof names?.['plural'] === 'string' ? names['plural'] : guess }
}

/** Whether a built-in kind lives in namespaces; undefined for others. */
export function isNamespaced(apiVersion: string, kind: string): boolean | undefined {
  return builtInResources(apiVersion).find((one) => one.kind === kind)?.namespaced
}
