import { EndpointSlice, Node, Pod, Service } from '@idp/api'
import { controllerReference, watch, type Controller, type Index, type Key, type Scope } from '@idp/controller'
import { deepEqual } from '@idp/formats'
import { endpointGroups, familiesOf, type Endpoint, type PortGroup } from '../engine/service-endpoints.ts'

const managedBy = 'endpointslice-controller.k8s.io'
const maxEndpoints = 100

/** Keeps EndpointSlices for Services with a selector. */
export const endpointSliceController: Controller<Service> = {
  name: 'endpoint-slice-controller',
  for: Service, owns: [EndpointSlice], reads: [Node], concurrency: 5,
  watches: [watch(Pod, servicesOfPod)],
  async reconcile(service, scope) {
    const { namespace = '' } = service.metadata
    if (service.metadata.deletionTimestamp !== undefined || service.spec?.type === 'ExternalName' || !hasSelector(service)) return
    const pods = podsOfService(service, scope)
    const groups = endpointGroups(service, pods, (name) => scope.cache(Node).get(name))
    const existing = scope.cache(EndpointSlice).ownedBy(service.metadata.uid ?? '').filter((s) => s.metadata.labels?.['endpointslice.kubernetes.io/managed-by'] === managedBy && s.metadata.deletionTimestamp === undefined)
    const wanted = groups.length === 0 ? [{ addressType: familiesOf(service)[0] ?? 'IPv4', ports: [], endpoints: [] } satisfies PortGroup] : groups
    const left = new Set(existing)
    for (const group of wanted) await writeGroup(service, group, left, scope)
    for (const slice of left) await scope.client.delete(EndpointSlice, slice.metadata.name ?? '', { namespace })
  },
}

export function hasSelector(service: Service): boolean {
  return Object.keys(service.spec?.selector ?? {}).length > 0
}

export function podsOfService(service: Service, { cache }: Pick<Scope, 'cache'>): readonly Pod[] {
  return cache(Pod).list({ namespace: service.metadata.namespace ?? '', labels: service.spec?.selector ?? {} })
}

/** Services by one pair of their selector: a pod asks only for its own labels. */
const servicesBySelector: Index<Service> = {
  name: 'services by selector',
  of: (service) => Object.entries(service.spec?.selector ?? {}).slice(0, 1).map(([key, value]) => `${service.metadata.namespace}/${key}=${value}`),
}

/** Services whose selector matches a pod. */
export function servicesOfPod(pod: Pod, { cache }: Scope): Key[] {
  const { namespace = '', labels = {} } = pod.metadata
  return Object.entries(labels).flatMap(([key, value]) => cache(Service).by(servicesBySelector, `${namespace}/${key}=${value}`))
    .filter(({ spec }) => Object.entries(spec?.selector ?? {}).every(([key, value]) => labels[key] === value))
    .map((service) => ({ namespace, name: service.metadata.name ?? '' }))
}

/** Writes one group into its slices: endpoints stay in the slice they are in, new ones fill what has room, what is left over is deleted by the caller. */
async function writeGroup(service: Service, group: PortGroup, left: Set<EndpointSlice>, scope: Scope): Promise<void> {
  const mine = [...left].filter((slice) => slice.addressType === group.addressType && samePorts(slice, group))
  // A slice without endpoints can take any ports: the placeholder of a Service that had no pods.
  const spare = [...left].filter((slice) => slice.addressType === group.addressType && (slice.endpoints ?? []).length === 0 && !mine.includes(slice))
  const pending = new Map(group.endpoints.map((endpoint) => [identity(endpoint), endpoint]))
  const plans: { slice: EndpointSlice | undefined; endpoints: Endpoint[] }[] = [...mine, ...spare.slice(0, mine.length === 0 ? 1 : 0)].map((slice) => {
    const kept = (slice.endpoints ?? []).map((old) => take(pending, identity(old))).filter((endpoint) => endpoint !== undefined)
    return { slice, endpoints: kept }
  })
  for (const endpoint of pending.values()) {
    let plan = plans.find(({ endpoints }) => endpoints.length < maxEndpoints)
    if (plan === undefined) plans.push((plan = { slice: undefined, endpoints: [] }))
    plan.endpoints.push(endpoint)
  }
  if (plans.length === 0) plans.push({ slice: undefined, endpoints: [] })
  const filled = plans.filter(({ endpoints }, i) => endpoints.length > 0 || (i === 0 && group.endpoints.length === 0))
  for (const { slice, endpoints } of filled) {
    if (slice !== undefined) left.delete(slice)
    await writeSlice(service, group, slice, endpoints, scope)
  }
}

function take<K, V>(map: Map<K, V>, key: K): V | undefined {
  const value = map.get(key)
  map.delete(key)
  return value
}

const identity = (endpoint: Endpoint) => endpoint.targetRef?.uid ?? endpoint.addresses.join()

function samePorts(slice: EndpointSlice, group: PortGroup): boolean {
  return deepEqual(slice.ports ?? [], group.ports)
}

async function writeSlice(service: Service, group: PortGroup, slice: EndpointSlice | undefined, endpoints: Endpoint[], { client }: Scope): Promise<void> {
  const { name: serviceName = '', namespace = '', labels: serviceLabels } = service.metadata
  const labels = {
    ...serviceLabels, 'kubernetes.io/service-name': serviceName, 'endpointslice.kubernetes.io/managed-by': managedBy,
    ...(service.spec?.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {}),
  }
  const ports = [...group.ports]
  if (slice !== undefined) {
    if (deepEqual(slice.endpoints ?? [], endpoints) && deepEqual(slice.ports ?? [], ports) && deepEqual(slice.metadata.labels, labels)) return
    await client.update(EndpointSlice, { ...slice, metadata: { ...slice.metadata, labels }, endpoints, ports })
    return
  }
  await client.create(EndpointSlice, {
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: group.addressType, endpoints, ports,
    metadata: { generateName: `${serviceName}-`, namespace, labels, ownerReferences: [controllerReference(Service, service)] },
  })
}
