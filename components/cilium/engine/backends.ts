import { gatewayGroup, type Route } from '../kinds/gateway-api.ts'
import type { Verdict } from './condition.ts'
import { mayRefer, type World } from './world.ts'

/** What backendRefs of all route kinds and of mirrors have in common. */
export interface BackendRef {
  readonly group?: string | undefined
  readonly kind?: string | undefined
  readonly name: string
  readonly namespace?: string | undefined
  readonly port?: number | undefined
  readonly weight?: number | undefined
}

/** A port of a Service, by the name EndpointSlices give it. */
export interface ServicePort { readonly namespace: string; readonly name: string; readonly port: number; readonly portName: string; readonly appProtocol: string | undefined }

export type Resolved = { readonly service: ServicePort } | { readonly reason: 'InvalidKind' | 'RefNotPermitted' | 'BackendNotFound' | 'UnsupportedProtocol'; readonly message: string }

/** Follows a backendRef (Gateway API, HTTPBackendRef): what it leads to, or the reason why it leads nowhere. */
export function resolveBackend(route: Route, ref: BackendRef, world: World): Resolved {
  const namespace = ref.namespace ?? route.metadata.namespace ?? ''
  if ((ref.group ?? '') !== '' || (ref.kind ?? 'Service') !== 'Service') return { reason: 'InvalidKind', message: `Unsupported backend kind ${ref.kind ?? 'Service'}` }
  if (ref.port === undefined) return { reason: 'InvalidKind', message: 'Must have port for backend object reference' }
  if (!mayRefer(world, { group: gatewayGroup, kind: route.kind, namespace: route.metadata.namespace ?? '' }, { group: '', kind: 'Service', namespace, name: ref.name })) {
    return { reason: 'RefNotPermitted', message: 'Cross namespace references are not allowed' }
  }
  const service = world.service(namespace, ref.name)
  if (service === undefined) return { reason: 'BackendNotFound', message: `Service "${ref.name}" not found` }
  const port = service.spec.ports?.find((candidate) => candidate.port === ref.port)
  if (port === undefined) return { reason: 'BackendNotFound', message: `Service "${ref.name}" has no port ${ref.port}` }
  if ((port.protocol ?? 'TCP') !== 'TCP') return { reason: 'UnsupportedProtocol', message: `port ${ref.port} of Service "${ref.name}" is ${port.protocol}` }
  return { service: { namespace, name: ref.name, port: ref.port, portName: port.name ?? '', appProtocol: port.appProtocol } }
}

/** All backendRefs of a route, those of mirrors included. */
export function backendRefsOf(route: Route): BackendRef[] {
  const refs: BackendRef[] = []
  for (const rule of route.spec.rules ?? []) {
    for (const ref of rule.backendRefs ?? []) refs.push(ref)
    if (!('filters' in rule)) continue
    for (const filter of rule.filters ?? []) if (filter.requestMirror !== undefined) refs.push(filter.requestMirror.backendRef)
  }
  return refs
}

/** The route's verdict on its references: the first that fails decides. */
export function resolvedRefs(route: Route, world: World): Verdict {
  for (const ref of backendRefsOf(route)) {
    const resolved = resolveBackend(route, ref, world)
    if ('reason' in resolved) return { type: 'ResolvedRefs', status: 'False', reason: resolved.reason, message: resolved.message }
  }
  return { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: 'Service reference is valid' }
}
