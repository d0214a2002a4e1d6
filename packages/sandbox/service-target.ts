import type { EndpointSlice, Service } from '@idp/api'
import { CodedError, type Clock } from '@idp/kit'
import type { ClusterView } from './cluster-view.ts'

/** A listener's address in the cluster. */
export interface Destination { readonly ip: string; readonly port: number }

export interface ServiceRouter {
  /** The endpoint behind a Service's cluster address and port. Throws `NoEndpoints`, and `ConnectionRefused` for a port it does not have. */
  route(service: Service, port: number, from: string): Destination
  /** The same for the node port. */
  routeNodePort(service: Service, nodePort: number, from: string): Destination
}

const defaultAffinity = 10_800
const mostSessions = 10_000

/** Chooses endpoints: ready ones in turn, with session affinity by client address where the Service asks for it. */
export function createServiceRouter(view: ClusterView, clock: Clock): ServiceRouter {
  const turns = new Map<string, number>()
  const sessions = new Map<string, { readonly ip: string; until: number }>()
  const choose = (service: Service, port: NonNullable<Service['spec']['ports']>[number], from: string): Destination => {
    const where = `Service ${service.metadata.namespace}/${service.metadata.name}:${port.port}`
    const ready = destinations(view.slices(service.metadata.name ?? '', service.metadata.namespace ?? ''), port.name ?? '')
    if (ready.length === 0) {
      throw new CodedError({ code: 'NoEndpoints', message: 'the Service has no ready endpoint', where, remedy: 'check that its selector matches pods and that they are Ready' })
    }
    const turn = turns.get(where) ?? 0
    turns.set(where, (turn + 1) % 1_000_000_007)
    const next = ready[turn % ready.length] as Destination // ready is not empty
    if (service.spec.sessionAffinity !== 'ClientIP') return next
    const key = `${where} ${from}`
    const session = sessions.get(key)
    const kept = session !== undefined && session.until > clock.now() ? ready.find((d) => d.ip === session.ip) : undefined
    const chosen = kept ?? next
    if (sessions.size >= mostSessions) for (const [old, { until }] of sessions) if (until <= clock.now() || sessions.size >= mostSessions) sessions.delete(old)
    sessions.set(key, { ip: chosen.ip, until: clock.now() + (service.spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinity) * 1_000 })
    return chosen
  }
  return {
    route(service, port, from) {
      const found = (service.spec.ports ?? []).find((p) => p.port === port && (p.protocol ?? 'TCP') === 'TCP')
      if (found === undefined) throw refused(service, port)
      return choose(service, found, from)
    },
    routeNodePort(service, nodePort, from) {
      const found = (service.spec.ports ?? []).find((p) => p.nodePort === nodePort)
      if (found === undefined) throw refused(service, nodePort)
      return choose(service, found, from)
    },
  }
}

/** Ready addresses of the slices' port of that name; serving ones that end, if there is no other (as kube-proxy does). */
export function destinations(slices: Iterable<EndpointSlice>, portName: string): Destination[] {
  const ready: Destination[] = []
  const ending: Destination[] = []
  for (const slice of slices) {
    const port = (slice.ports ?? []).find((p) => (p.name ?? '') === portName)?.port
    if (port === undefined || port === null) continue
    for (const endpoint of slice.endpoints ?? []) {
      const ip = endpoint.addresses?.[0]
      if (ip === undefined) continue
      if (endpoint.conditions?.ready !== false) ready.push({ ip, port })
      else if (endpoint.conditions.serving === true && endpoint.conditions.terminating === true) ending.push({ ip, port })
    }
  }
  return ready.length > 0 ? ready : ending
}

function refused(service: Service, port: number): CodedError {
  const has = (service.spec.ports ?? []).map((p) => p.port).join(', ')
  return new CodedError({
    code: 'ConnectionRefused', message: `the Service has no port ${port} (it has: ${has || 'none'})`, where: `Service ${service.metadata.namespace}/${service.metadata.name}`,
    remedy: 'use one of its ports, or add the port to the Service',
  })
}
