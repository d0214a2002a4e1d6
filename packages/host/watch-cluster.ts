import { EndpointSlice, Namespace, NetworkPolicy, Service } from '@idp/api'
import type { Client } from '@idp/client'
import { informer } from '@idp/controller'
import type { Clock, Log } from '@idp/kit'
import { createClusterIndex, type ClusterView } from '@idp/sandbox'

/** The cluster's Services, EndpointSlices, Namespaces and NetworkPolicies as the API server has them, until `signal` aborts. */
export function watchCluster(client: Client, options: { readonly signal: AbortSignal; readonly clock: Clock; readonly log: Log }): { readonly view: ClusterView; readonly synced: Promise<void> } {
  const view = createClusterIndex()
  const services = informer(client, Service, options)
  const slices = informer(client, EndpointSlice, options)
  const namespaces = informer(client, Namespace, options)
  const policies = informer(client, NetworkPolicy, options)
  services.onChange(view.onService)
  slices.onChange(view.onSlice)
  namespaces.onChange(view.onNamespace)
  policies.onChange(view.onPolicy)
  const synced = Promise.all([services.synced, slices.synced, namespaces.synced, policies.synced]).then(() => undefined)
  synced.catch(() => {})
  return { view, synced }
}
