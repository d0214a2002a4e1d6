import { CodedError } from '@idp/kit'
import type { Component, ControlPlaneEntry } from './component.ts'

/** A component and where its folder is. */
export type RegisteredComponent = Component & { readonly folder: URL }

/** What the generated registry says of a component, so that its modules are only loaded when something of it starts. */
export interface ComponentListing extends Pick<Component, 'name' | 'standsInFor' | 'charts'> {
  readonly folder: URL
  /** Images of each program, in the order of `programs`. */
  readonly images?: readonly (readonly string[])[]
  readonly controlPlane?: readonly Omit<ControlPlaneEntry, 'load'>[]
  readonly nodes?: true
}

/** The listed component, which loads `component.ts` when a program, a control-plane part or the nodes are first asked for. */
export function lazyComponent(listing: ComponentListing, load: () => Promise<Component>): RegisteredComponent {
  const { images, controlPlane, nodes, ...rest } = listing
  const part = async <T>(find: (component: Component) => T | undefined): Promise<T> => {
    const found = find(await load())
    if (found !== undefined) return found
    throw new CodedError({ code: 'RegistryStale', message: `the generated registry does not fit component ${listing.name}`, where: 'components/registry.generated.ts', remedy: 'npm run gen' })
  }
  return {
    ...rest,
    ...(images === undefined ? {} : { programs: images.map((of, i) => ({ images: of, load: async () => (await part((c) => c.programs?.[i])).load() })) }),
    ...(controlPlane === undefined ? {} : { controlPlane: controlPlane.map((entry, i) => ({ ...entry, load: async () => (await part((c) => c.controlPlane?.[i])).load() })) }),
    ...(nodes === undefined ? {} : { nodes: { load: async () => (await part((c) => c.nodes)).load() } }),
  }
}

/** Folder of the stand-in for upstream's chart, or undefined. Repositories are compared without a trailing slash. */
export function findChart(components: readonly RegisteredComponent[], repository: string, name: string): URL | undefined {
  const plain = (url: string) => url.replace(/\/+$/, '').toLowerCase()
  for (const { folder, charts = [] } of components) {
    const chart = charts.find((c) => c.name === name && plain(c.repository) === plain(repository))
    if (chart !== undefined) return new URL(`${chart.directory ?? 'chart'}/`, folder)
  }
  return undefined
}
