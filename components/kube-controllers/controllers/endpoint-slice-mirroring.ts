import { Endpoints, EndpointSlice, Service } from '@idp/api'
import { controllerReference, watch, type Controller, type Scope } from '@idp/controller'
import { deepEqual } from '@idp/formats'
import { hasSelector } from './endpoint-slice.ts'

const managedBy = 'endpointslicemirroring-controller.k8s.io'
type Slice = Pick<EndpointSlice, 'addressType' | 'endpoints' | 'ports'>

/** Copies Endpoints that people write by hand, for Services without a selector, into EndpointSlices. */
export const endpointSliceMirroringController: Controller<Endpoints> = {
  name: 'endpoint-slice-mirroring-controller',
  for: Endpoints, owns: [EndpointSlice],
  watches: [watch(Service, ({ metadata: { namespace, name = '' } }) => [{ namespace, name }])],
  async reconcile(endpoints, scope) {
    const { name = '', namespace = '', labels = {} } = endpoints.metadata
    const service = scope.cache(Service).get(name, namespace)
    const mirrored = service !== undefined && !hasSelector(service) && labels['endpointslice.kubernetes.io/skip-mirror'] !== 'true'
      && endpoints.metadata.annotations?.['control-plane.alpha.kubernetes.io/leader'] === undefined && endpoints.metadata.deletionTimestamp === undefined
    const existing = scope.cache(EndpointSlice).ownedBy(endpoints.metadata.uid ?? '').filter((slice) => slice.metadata.deletionTimestamp === undefined)
    await write(endpoints, mirrored ? mirror(endpoints) : [], existing, scope)
  },
}

/** One slice for each address family of each subset. */
function mirror({ subsets = [] }: Endpoints): Slice[] {
  return subsets.flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }) => (['IPv4', 'IPv6'] as const).flatMap((addressType) => {
    const of = (list: typeof addresses, ready: boolean) => list.filter(({ ip }) => ip.includes(':') === (addressType === 'IPv6')).map(({ ip, hostname, nodeName, targetRef }) => ({
      addresses: [ip], conditions: { ready }, ...(hostname === undefined ? {} : { hostname }), ...(nodeName === undefined ? {} : { nodeName }), ...(targetRef === undefined ? {} : { targetRef }),
    }))
    const endpoints = [...of(addresses, true), ...of(notReadyAddresses, false)]
    return endpoints.length === 0 ? [] : [{ addressType, endpoints, ports: ports.map(({ name = '', port, protocol, appProtocol }) => ({ name, port, protocol: protocol ?? 'TCP', ...(appProtocol === undefined ? {} : { appProtocol }) })) }]
  }))
}

async function write(owner: Endpoints, wanted: readonly Slice[], existing: readonly EndpointSlice[], { client }: Scope): Promise<void> {
  const { name = '', namespace = '' } = owner.metadata
  const labels = { ...owner.metadata.labels, 'kubernetes.io/service-name': name, 'endpointslice.kubernetes.io/managed-by': managedBy }
  const left = [...existing]
  for (const slice of wanted) {
    const i = left.findIndex(({ addressType }) => addressType === slice.addressType)
    const found = i < 0 ? undefined : left.splice(i, 1)[0]
    if (found === undefined) {
      await client.create(EndpointSlice, { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', ...slice, metadata: { generateName: `${name}-`, namespace, labels, ownerReferences: [controllerReference(Endpoints, owner)] } })
    } else if (!deepEqual([found.endpoints, found.ports, found.metadata.labels], [slice.endpoints, slice.ports, labels])) {
      await client.update(EndpointSlice, { ...found, ...slice, metadata: { ...found.metadata, labels } })
    }
  }
  for (const slice of left) await client.delete(EndpointSlice, slice.metadata.name ?? '', { namespace })
}
