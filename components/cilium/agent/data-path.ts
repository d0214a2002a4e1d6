import type { Clock } from '@idp/kit'
import type { Connection, DataPath, Direction, Endpoint, Verdict } from '@idp/sandbox'
import { eventTypes, tracePoints, type Flow } from '../hubble/flow.ts'
import { ingress, type Identity } from '../policy/identity.ts'
import { describeAll, type Answer, type PolicyEngine } from '../policy/policy-engine.ts'
import type { EndpointRegistry } from './endpoint-registry.ts'
import { httpFilter } from './http-filter.ts'
import type { NameCache } from './name-cache.ts'

export interface DataPathOptions {
  readonly node: string
  readonly engine: PolicyEngine
  readonly registry: EndpointRegistry
  readonly names: NameCache
  readonly clock: Pick<Clock, 'now'>
  /** Cluster DNS as an endpoint: what look-ups are sent to. */
  readonly dns: Endpoint
  /** Takes the object over. */
  record(flow: Omit<Flow, 'sequence' | 'node' | 'time'>): void
}

type Fields = Omit<Flow, 'sequence' | 'node' | 'time'>

/** The node's data path: asks the engine, and records what became of it. */
export function createDataPath({ node, engine, registry, names, clock, dns, record }: DataPathOptions): DataPath {
  const ask = (direction: Direction, { source, destination, port, protocol, name }: Connection, from: Identity, to: Identity): Answer => {
    const inwards = direction === 'ingress'
    const peerIp = inwards ? source.ip : destination.ip
    const portNamed = destination.portNamed
    return engine.ask({
      direction, subject: inwards ? to : from, peer: inwards ? from : to, peerIp, protocol, port,
      fromOwnNode: inwards && source.node === true && source.nodeName === node && from !== ingress,
      ...(portNamed === undefined ? {} : { portNamed: (n: string) => portNamed(n) }), ...(inwards ? {} : { names: namesFor(peerIp, name) }),
    })
  }
  const namesFor = (ip: string, dialled: string | undefined) => {
    const known = names.namesOf(ip)
    // Only names that went through the DNS proxy count; the dialled one is put first for the records.
    return dialled !== undefined && known.includes(dialled) ? [dialled, ...known.filter((n) => n !== dialled)] : known
  }
  const connect = (direction: Direction, connection: Connection): Verdict => {
    const { source, destination, port, service, name } = connection
    const from = registry.identityOf(source)
    const to = registry.identityOf(destination, port)
    const answer = ask(direction, connection, from, to)
    const { allowed, enforced, denied, by, http } = answer
    const base: Pick<Fields, 'source' | 'destination' | 'protocol' | 'sourcePort' | 'destinationPort' | 'direction'> & Partial<Fields> = {
      source: registry.endOf(source, from), destination: registry.endOf(destination, to), protocol: connection.protocol, sourcePort: connection.sourcePort, destinationPort: port,
      direction: direction === 'ingress' ? 'INGRESS' : 'EGRESS', ...(service === undefined ? {} : { service }), ...(name === undefined ? {} : { names: [name] }),
    }
    if (!allowed) {
      const why = { verdict: 'DROPPED' as const, dropReason: denied ? 181 as const : 133 as const, by }
      record({ ...base, ...why, type: eventTypes.policyVerdict, subType: 0, matchType: answer.match })
      record({ ...base, ...why, type: eventTypes.drop, subType: denied ? 181 : 133 })
      return { allowed, why: describeAll(by) }
    }
    if (enforced) record({ ...base, verdict: http === undefined ? 'FORWARDED' : 'REDIRECTED', type: eventTypes.policyVerdict, subType: 0, matchType: answer.match, by })
    // What leaves for a pod is seen where it arrives.
    if (direction === 'ingress') record({ ...base, verdict: 'FORWARDED', type: eventTypes.trace, subType: tracePoints.toEndpoint })
    else if (to.kind !== 'pod') record({ ...base, verdict: 'FORWARDED', type: eventTypes.trace, subType: to.kind === 'world' ? tracePoints.toStack : tracePoints.toHost })
    if (http === undefined) return { allowed }
    const observe: Parameters<typeof httpFilter>[1]['observe'] = ({ layer7, verdict }) => {
      const reply = layer7.type === 'RESPONSE'
      const ends = reply ? { source: base.destination, destination: base.source, sourcePort: port, destinationPort: base.sourcePort } : {}
      record({ ...base, ...ends, verdict, ...(verdict === 'DROPPED' ? { dropReason: 133 as const } : {}), type: eventTypes.l7, subType: 0, reply, l7: layer7 })
    }
    return { allowed, http: httpFilter(http, { clock, observe }) }
  }
  const recheck = (direction: Direction, connection: Connection): Verdict => {
    const { allowed, by } = ask(direction, connection, registry.identityOf(connection.source), registry.identityOf(connection.destination, connection.port))
    // The next packet is dropped: a new verdict says so.
    return allowed ? { allowed } : connect(direction, connection).allowed ? { allowed: true } : { allowed, why: describeAll(by) }
  }
  const query: DataPath['query'] = (source, name) => {
    const from = registry.identityOf(source)
    const to = registry.identityOf(dns)
    const connection: Connection = { protocol: 'UDP', source, sourcePort: 0, destination: dns, port: 53 }
    const { allowed, by, dns: rules } = ask('egress', connection, from, to)
    if (!allowed) return { verdict: 'dropped', why: connect('egress', connection).why ?? describeAll(by) }
    if (rules === undefined) return { verdict: 'allowed' }
    const ends: Pick<Fields, 'source' | 'destination' | 'protocol' | 'sourcePort' | 'destinationPort' | 'direction' | 'type' | 'subType'> = {
      source: registry.endOf(source, from), destination: registry.endOf(dns, to), protocol: 'UDP', sourcePort: 0, destinationPort: 53, direction: 'EGRESS', type: eventTypes.l7, subType: 0,
    }
    const back = { ...ends, source: ends.destination, destination: ends.source, sourcePort: 53, destinationPort: 0, reply: true }
    const question = { query: `${name}.`, ips: [], rcode: 0 }
    if (!rules.some((matches) => matches(name))) {
      record({ ...ends, verdict: 'DROPPED', dropReason: 133, reply: false, l7: { type: 'REQUEST', dns: question } })
      record({ ...back, verdict: 'FORWARDED', l7: { type: 'RESPONSE', dns: { ...question, rcode: 5 } } })
      return { verdict: 'refused', why: describeAll(by) }
    }
    record({ ...ends, verdict: 'FORWARDED', reply: false, l7: { type: 'REQUEST', dns: question } })
    return {
      verdict: 'allowed',
      answered(addresses) {
        names.learn(name, addresses)
        record({ ...back, verdict: 'FORWARDED', l7: { type: 'RESPONSE', dns: { ...question, ips: addresses, rcode: addresses.length === 0 ? 3 : 0 } } })
      },
    }
  }
  return { connect, recheck, query }
}
