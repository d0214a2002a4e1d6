import { apiVersionOf, builtInGroupVersions, builtInResources, type ResourceFacts } from '@idp/api'
import type { AggregatedApis, ExternalResource } from '../aggregation/aggregated-apis.ts'
import type { Resource } from '../resource.ts'
import type { ResourceRegistry } from '../resource-registry.ts'

/** A resource or subresource as discovery names it. */
export interface DiscoveryEntry {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly singular: string
  readonly kind: string
  readonly namespaced: boolean
  readonly verbs: readonly string[]
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly subresources: readonly { readonly name: string; readonly group: string; readonly version: string; readonly kind: string; readonly verbs: readonly string[] }[]
}

export interface DiscoveryGroup { readonly name: string; readonly versions: readonly { readonly version: string; readonly entries: readonly DiscoveryEntry[] }[] }

/** All groups: the built-in ones in their order, then custom ones by name. */
export function discoveryGroups(registry: ResourceRegistry, external: ReturnType<AggregatedApis['discovered']> = []): DiscoveryGroup[] {
  const groups = new Map<string, Map<string, DiscoveryEntry[]>>()
  const add = (group: string, version: string, entry: DiscoveryEntry) => {
    const versions = groups.get(group) ?? groups.set(group, new Map()).get(group)
    versions?.set(version, [...(versions.get(version) ?? []), entry])
  }
  for (const groupVersion of builtInGroupVersions()) {
    const [group, version] = groupVersion.includes('/') ? groupVersion.split('/') as [string, string] : ['', groupVersion]
    for (const facts of builtInResources(groupVersion)) add(group, version, builtInEntry(group, version, facts, registry.find(group, version, facts.name)))
  }
  const custom = registry.all().filter((resource) => !resource.builtIn).sort((a, b) => (a.kind.group < b.kind.group ? -1 : a.kind.group > b.kind.group ? 1 : 0))
  for (const resource of custom) add(resource.kind.group, resource.kind.version, customEntry(resource))
  for (const { group, version, resources } of external) for (const resource of resources) add(group, version, externalEntry(group, version, resource))
  return [...groups].map(([name, versions]) => ({ name, versions: [...versions].map(([version, entries]) => ({ version, entries })) }))
}

function externalEntry(group: string, version: string, { name, singularName, kind, namespaced, verbs, shortNames = [], categories = [] }: ExternalResource): DiscoveryEntry {
  return { group, version, plural: name, singular: singularName ?? '', kind, namespaced, verbs, shortNames, categories, subresources: [] }
}

function builtInEntry(group: string, version: string, facts: ResourceFacts, resource: Resource | undefined): DiscoveryEntry {
  return {
    group, version, plural: facts.name, singular: resource?.kind.singular ?? facts.kind.toLowerCase(), kind: facts.kind, namespaced: facts.namespaced, verbs: facts.verbs.split(' '),
    shortNames: resource?.kind.shortNames ?? [], categories: resource?.kind.categories ?? [],
    subresources: facts.sub.map((sub) => ({ name: sub.name, ...kindOf(sub.kind), verbs: sub.verbs.split(' ') })),
  }
}

/** `apps/v1/Scale`, `v1/Pod`, or a bare kind. */
function kindOf(text: string): { group: string; version: string; kind: string } {
  const parts = text.split('/')
  const kind = parts.pop() ?? ''
  const version = parts.pop() ?? ''
  return { group: parts.pop() ?? '', version, kind }
}

function customEntry({ kind, verbs, scale, hasStatus }: Resource): DiscoveryEntry {
  const sub = (name: string, of: { group: string; version: string; kind: string }) => ({ name, ...of, verbs: ['get', 'patch', 'update'] })
  return {
    group: kind.group, version: kind.version, plural: kind.plural, singular: kind.singular, kind: kind.kind, namespaced: kind.scope === 'Namespaced', verbs,
    shortNames: kind.shortNames, categories: kind.categories,
    subresources: [...(hasStatus ? [sub('status', kind)] : []), ...(scale === undefined ? [] : [sub('scale', { group: 'autoscaling', version: 'v1', kind: 'Scale' })])],
  }
}

/** `APIGroupDiscoveryList` of `apidiscovery.k8s.io/v2`. */
export function aggregatedDiscovery(groups: readonly DiscoveryGroup[]): object {
  return {
    kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {},
    items: groups.map((group) => ({
      metadata: group.name === '' ? { creationTimestamp: null } : { name: group.name, creationTimestamp: null },
      versions: group.versions.map(({ version, entries }) => ({
        version, freshness: 'Current',
        resources: entries.map((entry) => ({
          resource: entry.plural, responseKind: { group: entry.group, version: entry.version, kind: entry.kind }, scope: entry.namespaced ? 'Namespaced' : 'Cluster', singularResource: entry.singular,
          verbs: entry.verbs, ...(entry.shortNames.length > 0 ? { shortNames: entry.shortNames } : {}), ...(entry.categories.length > 0 ? { categories: entry.categories } : {}),
          ...(entry.subresources.length === 0 ? {} : { subresources: entry.subresources.map((sub) => ({ subresource: sub.name, responseKind: { group: sub.group, version: sub.version, kind: sub.kind }, verbs: sub.verbs })) }),
        })),
      })),
    })),
  }
}

function groupObject(group: DiscoveryGroup): object {
  const versions = group.versions.map(({ version }) => ({ groupVersion: `${group.name}/${version}`, version }))
  return { name: group.name, versions, preferredVersion: versions[0] }
}

/** `APIGroupList` at `/apis`. */
export function groupList(groups: readonly DiscoveryGroup[]): object {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.filter((group) => group.name !== '').map(groupObject) }
}

/** `APIGroup` at `/apis/<group>`. */
export function groupAnswer(group: DiscoveryGroup): object {
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupObject(group) }
}

/** `APIResourceList` at `/api/v1` and `/apis/<group>/<version>`. */
export function resourceList(entries: readonly DiscoveryEntry[], groupVersion: string): object {
  return {
    kind: 'APIResourceList', apiVersion: 'v1', groupVersion,
    resources: entries.flatMap((entry) => [
      {
        name: entry.plural, singularName: entry.singular, namespaced: entry.namespaced, kind: entry.kind, verbs: entry.verbs,
        ...(entry.shortNames.length > 0 ? { shortNames: entry.shortNames } : {}), ...(entry.categories.length > 0 ? { categories: entry.categories } : {}),
      },
      ...entry.subresources.map((sub) => ({
        name: `${entry.plural}/${sub.name}`, singularName: '', namespaced: entry.namespaced, kind: sub.kind, verbs: sub.verbs,
        ...(apiVersionOf(sub) === groupVersion ? {} : { group: sub.group, version: sub.version }),
      })),
    ]),
  }
}
