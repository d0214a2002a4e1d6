import { EndpointSlice, isApiError, Namespace, Service } from '@idp/api'
import type { Client } from '@idp/client'
import { deepEqual } from '@idp/formats'

const namespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease']

/** What every cluster has from the start: its namespaces, and the Service through which pods reach the API server. */
export async function ensureSystemObjects(client: Client, api: { readonly address: string; readonly port: number; readonly clusterIp: string }): Promise<void> {
  await Promise.all(namespaces.map((name) => ensure(() => client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { 'kubernetes.io/metadata.name': name } } }))))
  await ensure(() => client.create(Service, {
    apiVersion: 'v1', kind: 'Service', metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: { type: 'ClusterIP', clusterIP: api.clusterIp, clusterIPs: [api.clusterIp], ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: api.port }], sessionAffinity: 'None' },
  } as Service))
  const slice = {
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: 'IPv4', endpoints: [{ addresses: [api.address], conditions: { ready: true } }], ports: [{ name: 'https', port: api.port, protocol: 'TCP' }],
  } as EndpointSlice
  const made = await ensure(() => client.create(EndpointSlice, slice))
  if (made) return
  const found = await client.get(EndpointSlice, 'kubernetes', { namespace: 'default' })
  if (!deepEqual(found.endpoints, slice.endpoints) || !deepEqual(found.ports, slice.ports)) await client.update(EndpointSlice, { ...found, endpoints: slice.endpoints, ports: slice.ports ?? [] } as EndpointSlice)
}

async function ensure(create: () => Promise<unknown>): Promise<boolean> {
  try {
    await create()
    return true
  } catch (error) {
    if (isApiError(error, 'AlreadyExists')) return false
    throw error
  }
}
