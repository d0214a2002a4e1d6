import type { Resource } from './resource.ts'

/** One step of a build: takes the resources and returns those that shall be instead. Never changes its input. */
export type Transform = (resources: readonly Resource[]) => readonly Resource[]

/** A transformation of each resource on its own. */
export function eachResource(change: (resource: Resource) => Resource): Transform {
  return (resources) => resources.map(change)
}
