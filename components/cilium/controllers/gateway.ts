import { EndpointSlice, isApiError, Namespace, Pod, Secret, Service } from '@idp/api'
import { controllerReference, isPodReady, watch, type Controller, type Scope } from '@idp/controller'
import { deepEqual } from '@idp/formats'
import { rfc3339 } from '@idp/kit'
import { conditions, type Condition, type Verdict } from '../engine/condition.ts'
import { isInsecure } from '../engine/frontend-validation.ts'
import { countRoutes, judgeListeners, type ListenerVerdict } from '../engine/listener-status.ts'
import { allocatePorts, type PortMap } from '../engine/proxy-ports.ts'
import { shortName } from '../engine/short-name.ts'
import { isOurs } from '../engine/world-of.ts'
import { Gateway, GatewayClass, ReferenceGrant } from '../kinds/gateway-api.ts'
import { configMapNameLabel } from './ca-copies.ts'
import { keyOf, labelsChanged, ourGateways, routesWakeGateways, worldIn } from './caches.ts'

export interface GatewaySettings {
  /** Node ports asked for by listener port; another is taken where one is not free. */
  readonly nodePorts: Readonly<Record<number, number>>
  /** Type of the Services, `LoadBalancer` as upstream has it. */
  readonly serviceType: 'LoadBalancer' | 'NodePort' | 'ClusterIP'
  /** Labels of the pods that carry the data path. */
  readonly proxyLabels: Readonly<Record<string, string>>
  /** Namespace of the copies that the proxies may read. */
  readonly secretsNamespace: string
}

/** Name of what belongs to a Gateway: `cilium-gateway-<name>`, shortened where a Service could not have it. */
export const serviceName = (gateway: Gateway): string => shortName(`cilium-gateway-${gateway.metadata.name}`)
/** Value of the labels that name a Gateway. */
export const gatewayName = (gateway: Gateway): string => shortName(gateway.metadata.name ?? '')
export const gatewayLabel = 'gateway.networking.k8s.io/gateway-name'

/** Keeps Service, endpoints and status of each Gateway of ours. */
export function gatewayController(settings: GatewaySettings): Controller<Gateway> {
  const all = (_object: unknown, scope: Scope) => ourGateways(scope)
  /** Labels and annotations that a Service was last given, by its uid: what is no longer wished for must be taken away. */
  const applied = new Map<string, string>()
  /** When the status of a Gateway was last written, by its uid. */
  const counted = new Map<string, number>()
  return {
    name: 'gateway',
    for: Gateway,
    owns: [Service, EndpointSlice],
    watches: [
      ...routesWakeGateways, watch(GatewayClass, all), watch(ReferenceGrant, all), watch(Namespace, (_namespace, scope, change) => (labelsChanged(change) ? ourGateways(scope) : [])),
      watch(Secret, (secret, scope) => scope.cache(Gateway).list().filter((gateway) => refersTo(gateway, secret)).map(keyOf)),
      watch(Pod, (pod, scope) => (isProxy(pod, settings) ? ourGateways(scope) : [])),
    ],
    async reconcile(gateway, scope) {
      if (!isOurs(gateway, scope.cache(GatewayClass))) return
      const now = rfc3339(scope.clock.now())
      const world = worldIn(scope, settings.secretsNamespace)
      const verdicts = judgeListeners(gateway, world)
      const attached = countRoutes(gateway, world)
      const refusal = refusalOf(gateway)
      if (refusal !== undefined) return { status: statusOf(gateway, verdicts, attached, undefined, now, refusal) }
      const ports = [...new Set(verdicts.filter(({ programmed }) => programmed).map(({ listener }) => listener.port))].sort((a, b) => a - b)
      const service = await keepService(gateway, ports, settings, applied, scope)
      await keepEndpoints(gateway, ports, settings, scope)
      const status = statusOf(gateway, verdicts, attached, service, now)
      // While a cluster starts, routes come one by one: their number alone is not worth a write each.
      const wait = (counted.get(gateway.metadata.uid ?? '') ?? 0) + countMs - scope.clock.now()
      if (wait > 0 && deepEqual(withoutCounts(status), withoutCounts(gateway.status as GatewayStatus | undefined))) return deepEqual(status, gateway.status) ? undefined : { requeueAfter: wait }
      counted.set(gateway.metadata.uid ?? '', scope.clock.now())
      return { status }
    },
  }
}

function refersTo(gateway: Gateway, { metadata }: Secret): boolean {
  if (metadata.labels?.[configMapNameLabel] !== undefined) return gateway.spec.tls?.frontend !== undefined
  return gateway.spec.listeners.some((listener) => listener.tls?.certificateRefs?.some((ref) => ref.name === metadata.name && (ref.namespace ?? gateway.metadata.namespace) === metadata.namespace))
}

function isProxy(pod: Pod, { proxyLabels }: GatewaySettings): boolean {
  return Object.entries(proxyLabels).every(([name, value]) => pod.metadata.labels?.[name] === value)
}

async function keepService(gateway: Gateway, ports: readonly number[], settings: GatewaySettings, applied: Map<string, string>, scope: Scope): Promise<Service | undefined> {
  const name = serviceName(gateway)
  const namespace = gateway.metadata.namespace ?? ''
  const known = scope.cache(Service).get(name, namespace)
  if (ports.length === 0) return known
  const labels = { ...gateway.spec.infrastructure?.labels, 'io.cilium.gateway/owning-gateway': gatewayName(gateway), [gatewayLabel]: gatewayName(gateway) }
  const fixed = staticAddresses(gateway)
  const annotations = { ...gateway.spec.infrastructure?.annotations, ...(fixed.length === 0 ? {} : { [addressesAnnotation]: fixed.join() }) }
  const wish = (nodePorts: boolean): Service => ({
    apiVersion: 'v1', kind: 'Service',
    metadata: { name, namespace, ownerReferences: [controllerReference(Gateway, gateway)], labels, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) },
    spec: {
      type: settings.serviceType,
      ports: ports.map((port) => {
        const nodePort = known?.spec.ports?.find((other) => other.port === port)?.nodePort ?? (nodePorts && settings.serviceType !== 'ClusterIP' ? settings.nodePorts[port] : undefined)
        return { name: `port-${port}`, port, protocol: 'TCP' as const, ...(nodePort === undefined ? {} : { nodePort }) }
      }),
    },
  })
  const old = known?.spec.ports?.map(({ port }) => port).join()
  const decorated = JSON.stringify([labels, annotations])
  if (known !== undefined && old === ports.join() && known.spec.type === settings.serviceType && hasAll(known.metadata.labels, labels) && hasAll(known.metadata.annotations, annotations) && (applied.get(known.metadata.uid ?? '') ?? decorated) === decorated) {
    applied.set(known.metadata.uid ?? '', decorated)
    return known
  }
  applied.delete(known?.metadata.uid ?? '')
  const apply = (service: Service) => scope.client.apply(Service, service, { fieldManager: 'cilium-operator', force: true })
  try {
    return await apply(wish(true))
  } catch (error) {
    if (!isApiError(error, 'Invalid')) throw error
    scope.log.info('a node port is not free; another is taken', { gateway: gateway.metadata.name, error: error.message })
    return apply(wish(false))
  }
}

/** Leads the Service to the proxies: every ready one, each listener port under a port of its own that no other Gateway uses. */
async function keepEndpoints(gateway: Gateway, ports: readonly number[], settings: GatewaySettings, scope: Scope): Promise<void> {
  const name = serviceName(gateway)
  const namespace = gateway.metadata.namespace ?? ''
  const slices = scope.cache(EndpointSlice).list().filter((slice) => slice.metadata.labels?.[gatewayLabel] !== undefined)
  const known = slices.find((slice) => slice.metadata.name === name && slice.metadata.namespace === namespace)
  const used = new Set(slices.filter((slice) => slice !== known).flatMap((slice) => slice.ports?.map(({ port }) => port ?? 0) ?? []))
  const current: PortMap = new Map(known?.ports?.map(({ name: portName, port }) => [Number((portName ?? '').slice('port-'.length)), port ?? 0]))
  const allocated = allocatePorts(ports, current, used)
  const proxies = scope.cache(Pod).list().filter((pod) => isProxy(pod, settings) && pod.metadata.deletionTimestamp === undefined && pod.status?.podIP !== undefined)
  const slice: EndpointSlice = {
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice',
    metadata: { name, namespace, ownerReferences: [controllerReference(Gateway, gateway)], labels: { 'kubernetes.io/service-name': name, 'endpointslice.kubernetes.io/managed-by': 'cilium-operator', [gatewayLabel]: gatewayName(gateway) } },
    addressType: 'IPv4',
    ports: [...allocated].map(([port, proxyPort]) => ({ name: `port-${port}`, port: proxyPort, protocol: 'TCP' })),
    endpoints: proxies.map((pod) => ({
      addresses: [pod.status?.podIP ?? ''], conditions: { ready: isPodReady(pod), serving: isPodReady(pod), terminating: false },
      ...(pod.spec.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
      targetRef: { kind: 'Pod', name: pod.metadata.name ?? '', namespace: pod.metadata.namespace ?? '', uid: pod.metadata.uid ?? '' },
    })).sort((a, b) => (a.addresses[0] ?? '').localeCompare(b.addresses[0] ?? '')),
  }
  if (known !== undefined && JSON.stringify([known.ports, known.endpoints]) === JSON.stringify([slice.ports, slice.endpoints])) return
  await scope.client.apply(EndpointSlice, slice, { fieldManager: 'cilium-operator', force: true })
}

const insecure: Verdict = { type: 'InsecureFrontendValidationMode', status: 'True', reason: 'ConfigurationChanged', message: 'some listener lets in clients without a valid certificate (AllowInsecureFallback)' }

/** How long a status waits that differs only in the number of routes. */
const countMs = 500

interface GatewayStatus { readonly addresses: readonly { readonly type: string; readonly value: string }[]; readonly conditions: readonly Condition[]; readonly listeners: readonly { readonly attachedRoutes: number; readonly [field: string]: unknown }[] }

type Refusal = Pick<Verdict, 'reason' | 'message'>

/** What of a Gateway as a whole is refused by name. */
function refusalOf({ spec }: Gateway): Refusal | undefined {
  const address = spec.addresses?.find(({ type = 'IPAddress' }) => type !== 'IPAddress')
  if (address !== undefined) return { reason: 'UnsupportedAddress', message: `addresses of type ${address.type} are not supported` }
  const parameters = spec.infrastructure?.parametersRef
  return parameters === undefined ? undefined : { reason: 'InvalidParameters', message: `infrastructure.parametersRef of kind ${parameters.kind} is not supported` }
}

function withoutCounts(status: GatewayStatus | undefined): unknown {
  return { ...status, listeners: (status?.listeners ?? []).map((listener) => ({ ...listener, attachedRoutes: 0 })) }
}

function hasAll(present: Readonly<Record<string, string>> | undefined, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => present?.[name] === value)
}

/** Asks for addresses at LB-IPAM. */
const addressesAnnotation = 'lbipam.cilium.io/ips'

/** The addresses that a Gateway names; one without a value may be any. */
function staticAddresses(gateway: Gateway): string[] {
  return (gateway.spec.addresses ?? []).flatMap(({ value }) => (value === undefined || value === '' ? [] : [value]))
}

function statusOf(gateway: Gateway, verdicts: readonly ListenerVerdict[], attached: ReadonlyMap<string, number>, service: Service | undefined, now: string, refusal?: Refusal): GatewayStatus {
  const { generation } = gateway.metadata
  const ingress = service?.status?.loadBalancer?.ingress ?? []
  const addresses = service?.spec.type === 'LoadBalancer'
    ? ingress.map(({ ip, hostname }) => (ip === undefined ? { type: 'Hostname', value: hostname ?? '' } : { type: 'IPAddress', value: ip }))
    : (service?.spec.clusterIPs ?? []).map((value) => ({ type: 'IPAddress', value }))
  const bad = verdicts.filter(({ verdicts: [accepted] }) => accepted?.status === 'False')
  const unusable = staticAddresses(gateway).filter((wanted) => !addresses.some(({ value }) => value === wanted))
  const accepted: Verdict = refusal !== undefined ? { type: 'Accepted', status: 'False', ...refusal } : bad.length === 0
    ? { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'Gateway successfully scheduled' }
    : { type: 'Accepted', status: bad.length === verdicts.length ? 'False' : 'True', reason: 'ListenersNotValid', message: bad.map(({ listener, verdicts: [verdict] }) => `${listener.name}: ${verdict?.message}`).join('; ') }
  const programmed: Verdict = refusal !== undefined ? { type: 'Programmed', status: 'False', reason: 'Invalid', message: refusal.message } : !verdicts.some((verdict) => verdict.programmed) ? { type: 'Programmed', status: 'False', reason: 'Invalid', message: 'Gateway has no valid listener' }
    : unusable.length > 0 ? { type: 'Programmed', status: 'False', reason: 'AddressNotUsable', message: `the Gateway cannot have ${unusable.join(', ')}` } : addresses.length === 0 ? { type: 'Programmed', status: 'False', reason: 'AddressNotAssigned', message: 'Gateway waiting for address' }
      : { type: 'Programmed', status: 'True', reason: 'Programmed', message: 'Gateway successfully reconciled' }
  return {
    addresses,
    conditions: conditions([accepted, programmed, ...(isInsecure(gateway) ? [insecure] : [])], gateway.status?.conditions, generation, now),
    listeners: verdicts.map(({ listener, supportedKinds, verdicts: judged }) => ({
      name: listener.name, supportedKinds, attachedRoutes: attached.get(listener.name) ?? 0,
      conditions: conditions(judged, gateway.status?.listeners?.find(({ name }) => name === listener.name)?.conditions, generation, now),
    })),
  }
}
