import { messageOf, type Log } from '@idp/kit'
import { gatewayGroup, type Gateway, type GRPCRoute, type HTTPRoute, type HttpRule, type Listener, type Route, type TLSRoute } from '../kinds/gateway-api.ts'
import { attachmentsOf } from './attachment.ts'
import type { ClientValidation } from './frontend-validation.ts'
import { resolveBackend } from './backends.ts'
import { httpRuleOf } from './grpc-rule.ts'
import { HostnameMap } from './hostname.ts'
import { judgeListeners } from './listener-status.ts'
import { compareMatches, compileMatch, matches, type RequestFacts, type RequestMatch } from './request-match.ts'
import { compileAction, type RouteAction, type Target } from './route-action.ts'
import { mayRefer, type World } from './world.ts'

/** One match and what follows from it. */
export interface Entry { readonly match: RequestMatch; readonly action: RouteAction; readonly created: string; readonly order: number }

export interface ListenerTable {
  readonly name: string
  readonly hostname: string
  readonly protocol: string
  /** For listeners that terminate TLS. */
  readonly identity: { readonly cert: string; readonly key: string } | undefined
  /** What clients have to show, where TLS is terminated. */
  readonly clients: ClientValidation | undefined
  /** Entries by hostname, in order of precedence. */
  readonly hosts: HostnameMap<Entry[]>
  /** For listeners that pass TLS through: where connections go, by server name. */
  readonly passthrough: HostnameMap<readonly Target[]> | undefined
}

/** What one port of a Gateway does. */
export interface PortTable {
  readonly port: number
  readonly secure: boolean
  /** Some listener passes TLS through, or asks for clients' certificates: the server name must be read before the handshake. */
  peeks: boolean
  readonly listeners: HostnameMap<ListenerTable>
}

/** Builds the routing of a Gateway from the world as it is: one table for each port with a listener that works. */
export function buildTables(gateway: Gateway, world: World, log: Log): Map<number, PortTable> {
  const tables = new Map<number, PortTable>()
  const byListener = new Map<Listener, ListenerTable>()
  for (const { listener, programmed, clients } of judgeListeners(gateway, world)) {
    if (!programmed) continue
    const table = tables.get(listener.port) ?? { port: listener.port, secure: listener.protocol !== 'HTTP', peeks: false, listeners: new HostnameMap<ListenerTable>() }
    tables.set(listener.port, table)
    const hostname = listener.hostname === undefined || listener.hostname === '' ? '*' : listener.hostname
    const passes = listener.protocol === 'TLS' && listener.tls?.mode === 'Passthrough'
    if (passes || clients !== undefined) table.peeks = true
    byListener.set(listener, table.listeners.entry(hostname, () => ({ name: listener.name, hostname, protocol: listener.protocol, identity: identityOf(listener, gateway, world), clients, hosts: new HostnameMap(), passthrough: passes ? new HostnameMap() : undefined })))
  }
  for (const route of world.routes()) {
    const compiled = compile(route, world, log)
    const streams = route.kind === 'TLSRoute' ? tlsTargets(route as TLSRoute, world) : []
    if (compiled.length === 0 && streams.length === 0) continue
    for (const attachment of attachmentsOf(route, world)) {
      if (attachment.gateway.metadata.uid !== gateway.metadata.uid) continue
      for (const { listener, hostnames } of attachment.listeners) for (const hostname of hostnames) {
        byListener.get(listener)?.passthrough?.entry(hostname, () => streams)
        const entries = compiled.length === 0 ? undefined : byListener.get(listener)?.hosts.entry(hostname, () => [])
        // Two parentRefs may lead to the same listener.
        if (entries !== undefined && !entries.includes(compiled[0] as Entry)) entries.push(...compiled)
      }
    }
  }
  for (const table of byListener.values()) for (const entries of table.hosts.values()) entries.sort(compareEntries)
  return tables
}

/** Where the connections of a TLSRoute go. */
function tlsTargets(route: TLSRoute, world: World): Target[] {
  return (route.spec.rules[0]?.backendRefs ?? []).map((ref) => {
    const resolved = resolveBackend(route, ref, world)
    return { weight: ref.weight ?? 1, service: 'service' in resolved ? resolved.service : undefined, request: [], response: [] }
  })
}

function identityOf(listener: Listener, gateway: Gateway, world: World): ListenerTable['identity'] {
  const ref = listener.tls?.certificateRefs?.[0]
  if (ref === undefined || listener.tls?.mode === 'Passthrough') return undefined
  const from = gateway.metadata.namespace ?? ''
  const namespace = ref.namespace ?? from
  return mayRefer(world, { group: gatewayGroup, kind: 'Gateway', namespace: from }, { group: '', kind: 'Secret', namespace, name: ref.name }) ? world.tlsSecret(namespace, ref.name) : undefined
}

function compile(route: Route, world: World, log: Log): Entry[] {
  if (route.kind === 'TLSRoute') return []
  const grpc = route.kind === 'GRPCRoute'
  const rules: readonly HttpRule[] = grpc ? ((route as GRPCRoute).spec.rules ?? [{}]).map(httpRuleOf) : (route as HTTPRoute).spec.rules ?? [{}]
  const entries: Entry[] = []
  for (const [index, rule] of rules.entries()) {
    const action = { ...compileAction(route as HTTPRoute, rule, index, world), grpc }
    for (const match of rule.matches === undefined || rule.matches.length === 0 ? [{}] : rule.matches) {
      try {
        entries.push({ match: compileMatch(match), action, created: route.metadata.creationTimestamp ?? '', order: entries.length })
      } catch (error) {
        log.warn('a match cannot be used and is left out', { route: action.route, rule: index, error: messageOf(error) })
      }
    }
  }
  return entries
}

/** Precedence: the match, then the older route, then its name, then the order in the route. */
function compareEntries(a: Entry, b: Entry): number {
  return compareMatches(a.match, b.match) || compareText(a.created, b.created) || compareText(a.action.route, b.action.route) || a.order - b.order
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The action for a request, by its host without port and in lower case; undefined when nothing matches. */
export function route(listener: ListenerTable, host: string, request: RequestFacts): { readonly action: RouteAction; readonly match: RequestMatch } | undefined {
  for (const entry of listener.hosts.find(host) ?? []) if (matches(entry.match, request)) return entry
  return undefined
}
