import type { Resource } from './resource.ts'

/** The resources served now. Built-in ones are there from the start, custom ones come and go with their CRDs. */
export interface ResourceRegistry {
  find(group: string, version: string, plural: string): Resource | undefined
  findKind(group: string, version: string, kind: string): Resource | undefined
  /** All versions of one resource, preferred first. */
  versions(group: string, plural: string): readonly Resource[]
  all(): readonly Resource[]
  /** Replaces all that `owner` (a CRD's name) serves. */
  set(owner: string, resources: readonly Resource[]): void
  /** Grows with every change: what was computed from an older one is stale. */
  readonly generation: number
}

/** What is found by name. A new owner's resources are added to it; when others change, it is made anew at the next question. */
interface Index {
  readonly byPlural: Map<string, Resource>
  readonly byKind: Map<string, Resource>
  readonly versions: Map<string, Resource[]>
  readonly list: Resource[]
}

export function resourceRegistry(builtIn: readonly Resource[]): ResourceRegistry {
  const owned = new Map<string, readonly Resource[]>([['', builtIn]])
  let index: Index | undefined
  let generation = 0
  const current = (): Index => {
    if (index !== undefined) return index
    index = { byPlural: new Map(), byKind: new Map(), versions: new Map(), list: [] }
    for (const resources of owned.values()) add(index, resources)
    return index
  }
  return {
    find: (group, version, plural) => current().byPlural.get(key(group, version, plural)),
    findKind: (group, version, kind) => current().byKind.get(key(group, version, kind)),
    versions: (group, plural) => current().versions.get(`${group}/${plural}`) ?? [],
    all: () => current().list,
    set(owner, resources) {
      const known = owned.has(owner)
      if (!known && resources.length === 0) return
      if (resources.length === 0) owned.delete(owner)
      else owned.set(owner, resources)
      if (known || index === undefined) index = undefined
      else add(index, resources)
      generation++
    },
    get generation() { return generation },
  }
}

function add({ byPlural, byKind, versions, list }: Index, resources: readonly Resource[]): void {
  for (const resource of resources) {
    const { group, version, plural, kind } = resource.kind
    byPlural.set(key(group, version, plural), resource)
    byKind.set(key(group, version, kind), resource)
    const others = versions.get(`${group}/${plural}`)
    if (others === undefined) versions.set(`${group}/${plural}`, [resource])
    else others.push(resource)
    list.push(resource)
  }
}

function key(group: string, version: string, name: string): string {
  return `${group}/${version}/${name}`
}
