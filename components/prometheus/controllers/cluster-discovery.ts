import { defineKind, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import { informer, type Informer } from '@idp/controller'
import type { KubeObject } from '@idp/formats'
import type { Clock, Log } from '@idp/kit'
import { kindsOfRole, type ClusterObjects, type EndpointsFields, type IngressFields, type NodeFields, type PodFields, type ServiceFields, type SliceFields } from '../engine/discover.ts'
import type { DiscoveryRole } from '../engine/config.ts'

/** Whole objects: they are the ones that every informer of the process has, and a shortened copy would be memory on top. */
const kinds = {
  nodes: defineKind<NodeFields>({ group: '', version: 'v1', kind: 'Node', plural: 'nodes', scope: 'Cluster' }),
  pods: defineKind<PodFields>({ group: '', version: 'v1', kind: 'Pod', plural: 'pods', scope: 'Namespaced' }),
  services: defineKind<ServiceFields>({ group: '', version: 'v1', kind: 'Service', plural: 'services', scope: 'Namespaced' }),
  slices: defineKind<SliceFields>({ group: 'discovery.k8s.io', version: 'v1', kind: 'EndpointSlice', plural: 'endpointslices', scope: 'Namespaced' }),
  endpoints: defineKind<EndpointsFields>({ group: '', version: 'v1', kind: 'Endpoints', plural: 'endpoints', scope: 'Namespaced' }),
  ingresses: defineKind<IngressFields>({ group: 'networking.k8s.io', version: 'v1', kind: 'Ingress', plural: 'ingresses', scope: 'Namespaced' }),
}

/** The objects that discovery works on, watched from the moment a role needs them. */
export interface ClusterDiscovery extends ClusterObjects {
  /** Watches what these roles need; resolves when the first lists are in. */
  follow(roles: Iterable<DiscoveryRole>): Promise<void>
}

export interface DiscoveryOptions { readonly client: Client; readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal; readonly onChange: () => void }

export function clusterDiscovery({ client, clock, log, signal, onChange }: DiscoveryOptions): ClusterDiscovery {
  const followed = new Map<keyof ClusterObjects, Informer<KubeObject>>()
  const list = <T extends KubeObject>(name: keyof ClusterObjects) => (): readonly T[] => (followed.get(name)?.cache.list() ?? []) as readonly T[]
  return {
    async follow(roles) {
      const wanted = new Set([...roles].flatMap((role) => kindsOfRole[role]))
      for (const name of wanted) {
        if (followed.has(name)) continue
        const started = informer(client, kinds[name] as unknown as Kind<KubeObject>, { clock, log, signal })
        followed.set(name, started)
        started.onChange(onChange)
      }
      await Promise.all([...wanted].map((name) => followed.get(name)?.synced))
    },
    nodes: list('nodes'), pods: list('pods'), services: list('services'), slices: list('slices'), endpoints: list('endpoints'), ingresses: list('ingresses'),
  }
}
