import { Endpoints, isApiError, Pod, Service } from '@idp/api'
import { isPodReady, watch, type Controller, type Outcome, type Scope } from '@idp/controller'
import { deepEqual } from '@idp/formats'
import { endpointBatch, type EndpointBatch } from '../engine/endpoint-batch.ts'
import { isRoutable, targetPort } from '../engine/service-endpoints.ts'
import { hasSelector, podsOfService, servicesOfPod } from './endpoint-slice.ts'

type Subset = NonNullable<Endpoints['subsets']>[number]
type Address = NonNullable<Subset['addresses']>[number]
const maxAddresses = 1000

/** Keeps the older Endpoints object of every Service with a selector, for clients that do not read EndpointSlices. */
export function endpointsController(): Controller<Service> {
  const batch = endpointBatch()
  return {
    name: 'endpoint-controller',
    for: Service, reads: [Endpoints], concurrency: 5,
    watches: [watch(Pod, servicesOfPod), watch(Endpoints, (endpoints) => [{ namespace: endpoints.metadata.namespace, name: endpoints.metadata.name ?? '' }])],
    async reconcile(service, scope) {
      if (service.metadata.deletionTimestamp !== undefined || !hasSelector(service)) return
      return writeEndpoints(service, subsetsOf(service, podsOfService(service, scope)), batch, scope)
    },
    async gone({ name, namespace }, { client, cache }) {
      batch.done(`${namespace}/${name}`)
      if (cache(Endpoints).get(name, namespace) === undefined) return
      try {
        await client.delete(Endpoints, name, { namespace })
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error
      }
    },
  }
}

async function writeEndpoints(service: Service, subsets: Subset[], batch: EndpointBatch, { client, cache, clock }: Scope): Promise<Outcome | void> {
  const { name = '', namespace = '', labels: own } = service.metadata
  const labels = { ...own, 'endpoints.kubernetes.io/managed-by': 'endpoint-controller', ...(service.spec?.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {}) }
  const found = cache(Endpoints).get(name, namespace)
  const key = `${namespace}/${name}`
  if (found !== undefined && deepEqual(found.subsets ?? [], subsets) && deepEqual(found.metadata.labels ?? {}, labels)) return batch.done(key)
  const wait = batch.wait(key, clock.now(), { before: reachable(found?.subsets ?? []), after: reachable(subsets) })
  if (wait > 0) return { requeueAfter: wait }
  if (found === undefined) await client.create(Endpoints, { apiVersion: 'v1', kind: 'Endpoints', metadata: { name, namespace, labels }, subsets })
  else await client.update(Endpoints, { ...found, metadata: { ...found.metadata, labels }, subsets })
}

const reachable = (subsets: readonly Subset[]): string[] => subsets.flatMap(({ addresses = [], ports }) => addresses.map(({ ip }) => JSON.stringify([ip, ports])))

/** Addresses that share ports are one subset, ready and not ready apart. */
function subsetsOf(service: Service, pods: readonly Pod[]): Subset[] {
  const subsets = new Map<string, Subset & { addresses: Address[]; notReadyAddresses: Address[] }>()
  for (const pod of pods.filter((p) => isRoutable(p) && p.metadata.deletionTimestamp === undefined).sort(byAddress).slice(0, maxAddresses)) {
    const ports = (service.spec?.ports ?? []).flatMap((port) => {
      const number = targetPort(port, pod)
      return number === undefined ? [] : [{ ...(port.name === undefined ? {} : { name: port.name }), port: number, protocol: port.protocol ?? 'TCP', ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }) }]
    })
    if (ports.length === 0 && (service.spec?.ports ?? []).length > 0) continue
    const key = JSON.stringify(ports)
    const subset = subsets.get(key) ?? { addresses: [], notReadyAddresses: [], ports }
    const ready = service.spec?.publishNotReadyAddresses === true || isPodReady(pod)
    ;(ready ? subset.addresses : subset.notReadyAddresses).push(addressOf(service, pod))
    subsets.set(key, subset)
  }
  return [...subsets.values()].map(({ addresses, notReadyAddresses, ports = [] }) => ({
    ...(addresses.length === 0 ? {} : { addresses }), ...(notReadyAddresses.length === 0 ? {} : { notReadyAddresses }), ...(ports.length === 0 ? {} : { ports }),
  }))
}

function addressOf(service: Service, pod: Pod): Address {
  const { name = '', namespace = '', uid = '' } = pod.metadata
  return {
    ip: pod.status?.podIP ?? '', ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}), targetRef: { kind: 'Pod', name, namespace, uid },
    ...(pod.spec.hostname && pod.spec.subdomain === service.metadata.name ? { hostname: pod.spec.hostname } : {}),
  }
}

function byAddress(a: Pod, b: Pod): number {
  return (a.status?.podIP ?? '') < (b.status?.podIP ?? '') ? -1 : 1
}
