import { ApiError, apiVersionOf, defineKind, type Kind } from '@idp/api'
import type { AnyObject } from '@idp/formats'

interface DiscoveryResource {
  resource: string
  responseKind?: { group?: string; version?: string; kind?: string }
  scope: 'Namespaced' | 'Cluster'
  singularResource?: string
  shortNames?: string[]
  categories?: string[]
  subresources?: { subresource: string }[]
}
interface DiscoveryGroup { metadata: { name?: string }; versions: { version: string; resources?: DiscoveryResource[] }[] }
interface DiscoveryList { items: DiscoveryGroup[] }

/** What discovery said last: every served kind, and the preferred version of each. */
export interface KindCache {
  kindOf(apiVersion: string, kind: string): Promise<Kind<AnyObject>>
  kinds(): Promise<readonly Kind<AnyObject>[]>
}

/** Caches aggregated discovery (`apidiscovery.k8s.io/v2`); asks again when a kind is unknown. */
export function kindCache(fetchDiscovery: (path: string) => Promise<DiscoveryList>): KindCache {
  let all = new Map<string, Kind<AnyObject>>()
  let preferred: Kind<AnyObject>[] = []
  let running: Promise<void> | undefined
  const load = async () => {
    const lists = await Promise.all([fetchDiscovery('/api'), fetchDiscovery('/apis')])
    const found = new Map<string, Kind<AnyObject>>()
    const first = new Map<string, Kind<AnyObject>>()
    for (const kind of lists.flatMap((list) => list.items.flatMap(kindsOfGroup))) {
      found.set(`${apiVersionOf(kind)}/${kind.kind}`, kind)
      const groupResource = `${kind.group}/${kind.plural}`
      if (!first.has(groupResource)) first.set(groupResource, kind)
    }
    all = found
    preferred = [...first.values()]
  }
  const refresh = () => (running ??= load().finally(() => (running = undefined)))
  return {
    async kindOf(apiVersion, kind) {
      const key = `${apiVersion}/${kind}`
      if (!all.has(key)) await refresh()
      const found = all.get(key)
      if (found === undefined) throw new ApiError('NotFound', `no matches for kind "${kind}" in version "${apiVersion}"`)
      return found
    },
    async kinds() {
      await refresh()
      return preferred
    },
  }
}

function kindsOfGroup(group: DiscoveryGroup): Kind<AnyObject>[] {
  return group.versions.flatMap(({ version, resources = [] }) => resources.map((r) => defineKind<AnyObject>({
    group: group.metadata.name ?? '', version, kind: r.responseKind?.kind ?? '', plural: r.resource, scope: r.scope,
    singular: r.singularResource ?? '', shortNames: r.shortNames ?? [], categories: r.categories ?? [],
    subresources: (r.subresources ?? []).map((s) => s.subresource),
  })))
}
