import { EndpointSlice, Node, Pod, Service } from '@idp/api'
import { controllerReference, watch, type Controller, type Index, type Key, type Scope } from '@idp/controller'
import { deepEqual } from '@idp/formats'
import { endpointBatch } from '../engine/endpoint-batch.ts'
import { endpointGroups, familiesOf, type Endpoint, type PortGroup } from '../engine/service-endpoints.ts'

const managedBy = 'endpointslice-controller.k8s.io'
const maxEndpoints = 100

/** Keeps EndpointSlices for Services with a selector. */
export function endpointSliceController(): Controller<Service> {
  const batch = endpointBatch()
  return {
    name: 'endpoint-slice-controller',
    for: Service, owns: [EndpointSlice], reads: [Node], concurrency: 5,
    watches: [watch(Pod, servicesOfPod)],
    async reconcile(service, scope) {
      const { name = '', namespace = '' } = service.metadata
      if (service.metadata.deletionTimestamp !== undefined || service.spec?.type === 'ExternalName' || !hasSelector(service)) return
      const groups = endpointGroups(service, podsOfService(service, scope), (node) => scope.cache(Node).get(node))
      const existing = scope.cache(EndpointSlice).ownedBy(service.metadata.uid ?? '').filter((s) => s.metadata.labels?.['endpointslice.kubernetes.io/managed-by'] === managedBy && s.metadata.deletionTimestamp === undefined)
      const wanted = groups.length === 0 ? [{ addressType: familiesOf(service)[0] ?? 'IPv4', ports: [], endpoints: [] } satisfies PortGroup] : groups
      const plans = plan(service, wanted, existing)
      const key = `${namespace}/${name}`
      if (plans.writes.length === 0 && plans.surplus.length === 0) return batch.done(key)
      const wait = batch.wait(key, scope.clock.now(), { before: existing.flatMap(reachable), after: wanted.flatMap(reachable) })
      if (wait > 0) return { requeueAfter: wait }
      for (const write of plans.writes) await writeSlice(service, write, scope)
      for (const slice of plans.surplus) await scope.client.delete(EndpointSlice, slice.metadata.name ?? '', { namespace })
    },
    gone: async ({ name, namespace }) => batch.done(`${namespace}/${name}`),
  }
}

const reachable = ({ addressType, ports, endpoints }: Pick<EndpointSlice, 'addressType' | 'ports' | 'endpoints'> | PortGroup): string[] =>
  (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false).map(({ addresses }) => JSON.stringify([addressType, addresses, ports]))

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

/** One slice as it should be; without `slice` it is a new one. */
interface SliceWrite { readonly slice: EndpointSlice | undefined; readonly group: PortGroup; readonly endpoints: Endpoint[]; readonly labels: Record<string, string> }

/** What is to be written so that the slices hold the groups, and which slices are then left over. */
function plan(service: Service, groups: readonly PortGroup[], existing: readonly EndpointSlice[]): { readonly writes: readonly SliceWrite[]; readonly surplus: readonly EndpointSlice[] } {
  const left = new Set(existing)
  const labels = sliceLabels(service)
  const writes = groups.flatMap((group) => planGroup(group, left).map(({ slice, endpoints }) => ({ slice, group, endpoints, labels })))
  return { writes: writes.filter((write) => !isWritten(write)), surplus: [...left] }
}

function isWritten({ slice, group, endpoints, labels }: SliceWrite): boolean {
  return slice !== undefined && deepEqual(slice.endpoints ?? [], endpoints) && deepEqual(slice.ports ?? [], [...group.ports]) && deepEqual(slice.metadata.labels, labels)
}

/** Fits one group into its slices: endpoints stay in the slice they are in, new ones fill what has room; what is used is taken out of `left`. */
function planGroup(group: PortGroup, left: Set<EndpointSlice>): { slice: EndpointSlice | undefined; endpoints: Endpoint[] }[] {
  const mine = [...left].filter((slice) => slice.addressType === group.addressType && samePorts(slice, group))
  // A slice without endpoints can take any ports: the placeholder of a Service that had no pods.
  const spare = [...left].filter((slice) => slice.addressType === group.addressType && (slice.endpoints ?? []).length === 0 && !mine.includes(slice))
  const pending = new Map(group.endpoints.map((endpoint) => [identity(endpoint), endpoint]))
  const plans: { slice: EndpointSlice | undefined; endpoints: Endpoint[] }[] = [...mine, ...spare.slice(0, mine.length === 0 ? 1 : 0)].map((slice) => {
    const kept = (slice.endpoints ?? []).map((old) => take(pending, identity(old))).filter((endpoint) => endpoint !== undefined)
    return { slice, endpoints: kept }
  })
  for (const endpoint of pending.values()) {
    let roomy = plans.find(({ endpoints }) => endpoints.length < maxEndpoints)
    if (roomy === undefined) plans.push((roomy = { slice: undefined, endpoints: [] }))
    roomy.endpoints.push(endpoint)
  }
  if (plans.length === 0) plans.push({ slice: undefined, endpoints: [] })
  const filled = plans.filter(({ endpoints }, i) => endpoints.length > 0 || (i === 0 && group.endpoints.length === 0))
  for (const { slice } of filled) if (slice !== undefined) left.delete(slice)
  return filled
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

function sliceLabels({ metadata: { name = '', labels }, spec }: Service): Record<string, string> {
  return {
    ...labels, 'kubernetes.io/service-name': name, 'endpointslice.kubernetes.io/managed-by': managedBy,
    ...(spec?.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {}),
  }
}

async function writeSlice(service: Service, { slice, group, endpoints, labels }: SliceWrite, { client }: Scope): Promise<void> {
  const { name = '', namespace = '' } = service.metadata
  const ports = [...group.ports]
  if (slice !== undefined) {
    await client.update(EndpointSlice, { ...slice, metadata: { ...slice.metadata, labels }, endpoints, ports })
    return
  }
  await client.create(EndpointSlice, {
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: group.addressType, endpoints, ports,
    metadata: { generateName: `${name}-`, namespace, labels, ownerReferences: [controllerReference(Service, service)] },
  })
}
