import { matchesLabelSelector } from '@idp/formats'
import { gatewayGroup, type Gateway, type Listener, type ParentRef, type Route } from '../kinds/gateway-api.ts'
import { servedHostnames } from './hostname.ts'
import type { Verdict } from './condition.ts'
import type { World } from './world.ts'

/** A listener that a route is attached to, and the hostnames it serves there. */
export interface AttachedListener { readonly listener: Listener; readonly hostnames: readonly string[] }

/** What became of one parentRef. */
export interface Attachment {
  readonly parentRef: ParentRef
  readonly gateway: Gateway
  readonly listeners: readonly AttachedListener[]
  readonly accepted: Verdict
}

/** Which kinds of route a protocol carries. */
const kindsOf: Readonly<Record<string, readonly string[]>> = { HTTP: ['HTTPRoute', 'GRPCRoute'], HTTPS: ['HTTPRoute', 'GRPCRoute'], TLS: ['TLSRoute'] }

/** The route kinds a listener admits, and whether all that it asks for exist (Gateway API, AllowedRoutes.kinds). */
export function admittedKinds(listener: Listener): { readonly kinds: readonly string[]; readonly invalid: boolean } {
  const possible = kindsOf[listener.protocol] ?? []
  const asked = listener.allowedRoutes?.kinds
  if (asked === undefined || asked.length === 0) return { kinds: possible, invalid: false }
  const known = asked.filter(({ group, kind }) => (group ?? gatewayGroup) === gatewayGroup && possible.includes(kind)).map(({ kind }) => kind)
  return { kinds: known, invalid: known.length < asked.length }
}

/** Where a route is attached, one entry for each parentRef that names a Gateway of ours. */
export function attachmentsOf(route: Route, world: World): Attachment[] {
  const namespace = route.metadata.namespace ?? ''
  const found: Attachment[] = []
  for (const parentRef of route.spec.parentRefs ?? []) {
    if ((parentRef.group ?? gatewayGroup) !== gatewayGroup || (parentRef.kind ?? 'Gateway') !== 'Gateway') continue
    const gateway = world.gateway(parentRef.namespace ?? namespace, parentRef.name)
    if (gateway !== undefined) found.push(attach(route, parentRef, gateway, world))
  }
  return found
}

function attach(route: Route, parentRef: ParentRef, gateway: Gateway, world: World): Attachment {
  const refused = (reason: string, message: string): Attachment => ({ parentRef, gateway, listeners: [], accepted: { type: 'Accepted', status: 'False', reason, message } })
  const named = gateway.spec.listeners.filter((listener) => (parentRef.sectionName === undefined || listener.name === parentRef.sectionName) && (parentRef.port === undefined || listener.port === parentRef.port))
  if (named.length === 0) return refused('NoMatchingParent', `No matching listener with ${parentRef.sectionName === undefined ? `port ${parentRef.port}` : `sectionName ${parentRef.sectionName}`}`)
  const ofKind = named.filter((listener) => admittedKinds(listener).kinds.includes(route.kind))
  if (ofKind.length === 0) return refused('NotAllowedByListeners', `${route.kind} is not allowed to attach to this Gateway due to route kind restrictions`)
  const allowed = ofKind.filter((listener) => admitsNamespace(listener, route, gateway, world))
  if (allowed.length === 0) return refused('NotAllowedByListeners', `${route.kind} is not allowed to attach to this Gateway due to namespace restrictions`)
  const listeners = allowed.map((listener) => ({ listener, hostnames: servedHostnames(listener.hostname, route.spec.hostnames) })).filter(({ hostnames }) => hostnames.length > 0)
  if (listeners.length === 0) return refused('NoMatchingListenerHostname', 'No matching listener hostname')
  return { parentRef, gateway, listeners, accepted: { type: 'Accepted', status: 'True', reason: 'Accepted', message: `Accepted ${route.kind}` } }
}

function admitsNamespace(listener: Listener, route: Route, gateway: Gateway, world: World): boolean {
  const { from = 'Same', selector } = listener.allowedRoutes?.namespaces ?? {}
  if (from === 'All') return true
  if (from === 'Same') return route.metadata.namespace === gateway.metadata.namespace
  const labels = world.namespaceLabels(route.metadata.namespace ?? '')
  return from === 'Selector' && labels !== undefined && selector !== undefined && matchesLabelSelector(selector, labels)
}
