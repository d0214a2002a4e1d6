import type { Resource } from './resource.ts'

/** One step of a build: takes the resources and returns those that shall be instead. Never changes its input. */
export type Transform = (resources: readonly Resource[]) => readonly Resource[]

/** A transformation of each resource on its own. Where it is kept between builds, it knows again what it has seen. */
export function eachResource(change: (resource: Resource) => Resource): Transform {
  const known = new WeakMap<Resource, Resource>()
  return (resources) => resources.map((resource) => {
    let result = known.get(resource)
    if (result === undefined) known.set(resource, result = change(resource))
    return result
  })
}
