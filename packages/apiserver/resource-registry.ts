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

export function resourceRegistry(builtIn: readonly Resource[]): ResourceRegistry {
  const owned = new Map<string, readonly Resource[]>([['', builtIn]])
  let byPlural = new Map<string, Resource>()
  let byKind = new Map<string, Resource>()
  let list: Resource[] = []
  let generation = 0
  const index = () => {
    list = [...owned.values()].flat()
    byPlural = new Map(list.map((resource) => [key(resource.kind.group, resource.kind.version, resource.kind.plural), resource]))
    byKind = new Map(list.map((resource) => [key(resource.kind.group, resource.kind.version, resource.kind.kind), resource]))
    generation++
  }
  index()
  return {
    find: (group, version, plural) => byPlural.get(key(group, version, plural)),
    findKind: (group, version, kind) => byKind.get(key(group, version, kind)),
    versions: (group, plural) => list.filter((resource) => resource.kind.group === group && resource.kind.plural === plural),
    all: () => list,
    set(owner, resources) {
      if (resources.length === 0) owned.delete(owner)
      else owned.set(owner, resources)
      index()
    },
    get generation() { return generation },
  }
}

function key(group: string, version: string, name: string): string {
  return `${group}/${version}/${name}`
}
