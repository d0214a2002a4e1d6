import type { Service } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import type { Clock } from '@idp/kit'
import type { ObjectStorage } from '../object-storage.ts'
import type { Resource, Strategy } from '../resource.ts'
import { invalid } from '../verbs/invalid.ts'

export interface ServiceRanges {
  /** IPv4 CIDR of cluster addresses, e.g. `10.43.0.0/16`. */
  readonly cidr: string
  /** First and last node port. */
  readonly nodePorts: readonly [number, number]
}

export const defaultServiceRanges: ServiceRanges = { cidr: '10.43.0.0/16', nodePorts: [30000, 32767] }

/** How long an address is kept for a write that is still on its way. */
const pendingMs = 60_000
/** The first addresses of the range are for those who ask for one by number (the API itself, cluster DNS). */
const reservedForStatic = 256

/** Gives Services their cluster addresses and node ports, in the write that creates or changes them. */
export function serviceStrategy(storage: ObjectStorage, resource: Resource, ranges: ServiceRanges, clock: Clock): Strategy {
  const addresses = pool<string>(clock)
  const ports = pool<number>(clock)
  const range = parseCidr(ranges.cidr)
  const take = (service: Service) => {
    const uid = service.metadata.uid ?? ''
    for (const ip of service.spec.clusterIPs ?? []) if (ip !== 'None') addresses.set(ip, uid)
    for (const port of nodePortsOf(service)) ports.set(port, uid)
  }
  const drop = (service: Service) => {
    addresses.dropAll(service.metadata.uid ?? '')
    ports.dropAll(service.metadata.uid ?? '')
  }
  for (const object of storage.list(resource)) take(object as unknown as Service)
  storage.onWrite(({ resource: { prefix }, before, after }) => {
    if (prefix !== resource.prefix) return
    if (before !== undefined) drop(before as unknown as Service)
    if (after !== undefined) take(after as unknown as Service)
  })

  const allocate = (service: Service) => {
    const { spec } = service
    const uid = service.metadata.uid ?? ''
    if (spec.type === 'ExternalName') {
      for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'] as const) delete spec[field]
      return
    }
    const wanted = spec.clusterIP ?? spec.clusterIPs?.[0] ?? ''
    if (wanted !== '' && wanted !== 'None') {
      if (toNumber(wanted) === undefined || !inRange(range, wanted)) throw refuse(resource, service, 'spec.clusterIPs', [wanted], `failed to allocate IP ${wanted}: the provided IP is not in the valid range. The range of valid IPs is ${ranges.cidr}`)
      const owner = addresses.get(wanted)
      if (owner !== undefined && owner !== uid) throw refuse(resource, service, 'spec.clusterIPs', [wanted], `failed to allocate IP ${wanted}: provided IP is already allocated`)
      addresses.pend(wanted, uid)
    }
    const ip = wanted === '' ? nextAddress(range, addresses, uid) : wanted
    if (ip === undefined) throw refuse(resource, service, 'spec.clusterIPs', [], 'failed to allocate a serviceIP: range is full')
    Object.assign(spec, { clusterIP: ip, clusterIPs: [ip], ipFamilies: spec.ipFamilies ?? ['IPv4'], ipFamilyPolicy: spec.ipFamilyPolicy ?? 'SingleStack', internalTrafficPolicy: spec.internalTrafficPolicy ?? 'Cluster' })
    allocatePorts(service, uid)
  }
  const allocatePorts = (service: Service, uid: string) => {
    const { spec } = service
    const needed = spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false)
    spec.ports?.forEach((port, i) => {
      if (!needed) {
        if (spec.type === 'ClusterIP') delete port.nodePort
        return
      }
      if (port.nodePort === undefined || port.nodePort === 0) {
        const free = nextPort(ranges.nodePorts, ports, uid)
        if (free === undefined) throw refuse(resource, service, `spec.ports[${i}].nodePort`, 0, 'failed to allocate a nodePort: range is full')
        port.nodePort = free
        return
      }
      const owner = ports.get(port.nodePort)
      const [first, last] = ranges.nodePorts
      if (port.nodePort < first || port.nodePort > last) throw refuse(resource, service, `spec.ports[${i}].nodePort`, port.nodePort, `provided port is not in the valid range. The range of valid ports is ${first}-${last}`)
      if (owner !== undefined && owner !== uid) throw refuse(resource, service, `spec.ports[${i}].nodePort`, port.nodePort, 'provided port is already allocated')
      ports.pend(port.nodePort, uid)
    })
  }
  return {
    generation: false, answersDeleted: true,
    initialStatus: () => ({ loadBalancer: {} }),
    prepareCreate: (object) => allocate(object as unknown as Service),
    prepareUpdate(object, old) {
      keepAllocated(object as unknown as Service, old as unknown as Service)
      allocate(object as unknown as Service)
    },
  }
}

/** A change that does not mention what was allocated keeps it. */
function keepAllocated({ spec }: Service, { spec: old }: Service): void {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return
  if ((spec.clusterIP ?? '') === '' && (old.clusterIP ?? '') !== '') Object.assign(spec, { clusterIP: old.clusterIP })
  for (const port of spec.ports ?? []) {
    const same = old.ports?.find((other) => other.port === port.port && other.protocol === port.protocol)
    if ((port.nodePort ?? 0) === 0 && same?.nodePort !== undefined) port.nodePort = same.nodePort
  }
}

function nodePortsOf({ spec }: Service): number[] {
  return [...(spec.ports ?? []).flatMap((port) => (port.nodePort === undefined || port.nodePort === 0 ? [] : [port.nodePort])), ...(spec.healthCheckNodePort === undefined || spec.healthCheckNodePort === 0 ? [] : [spec.healthCheckNodePort])]
}

function refuse(resource: Resource, service: Service, field: string, value: unknown, why: string) {
  return invalid(resource, service as unknown as AnyObject, [{ reason: 'FieldValueInvalid', field, message: `Invalid value: ${JSON.stringify(value)}: ${why}` }])
}

interface Pool<K> {
  get(key: K): string | undefined
  set(key: K, owner: string): void
  /** Keeps a key for a write on its way; forgotten when the write does not come. */
  pend(key: K, owner: string): void
  dropAll(owner: string): void
}

function pool<K>(clock: Clock): Pool<K> {
  const taken = new Map<K, string>()
  const pending = new Map<K, { owner: string; until: number }>()
  return {
    get(key) {
      const waiting = pending.get(key)
      return taken.get(key) ?? (waiting !== undefined && waiting.until > clock.now() ? waiting.owner : undefined)
    },
    set(key, owner) {
      pending.delete(key)
      taken.set(key, owner)
    },
    pend: (key, owner) => void pending.set(key, { owner, until: clock.now() + pendingMs }),
    dropAll(owner) {
      for (const [key, by] of taken) if (by === owner) taken.delete(key)
    },
  }
}

interface Cidr { readonly first: number; readonly last: number }

function parseCidr(cidr: string): Cidr {
  const [base = '', bits = '32'] = cidr.split('/')
  const size = 2 ** (32 - Number(bits))
  const first = Math.floor((toNumber(base) ?? 0) / size) * size
  return { first, last: first + size - 1 }
}

function toNumber(ip: string): number | undefined {
  const parts = ip.split('.').map(Number)
  return parts.length === 4 && parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255) ? parts.reduce((sum, part) => sum * 256 + part, 0) : undefined
}

function toText(ip: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(ip / 2 ** shift) % 256).join('.')
}

function inRange({ first, last }: Cidr, ip: string): boolean {
  const value = toNumber(ip) ?? 0
  return value > first && value < last
}

function nextAddress({ first, last }: Cidr, addresses: Pool<string>, owner: string): string | undefined {
  const start = last - first > 2 * reservedForStatic ? first + reservedForStatic : first + 1
  for (const [from, to] of [[start, last], [first + 1, start]] as const) {
    for (let ip = from; ip < to; ip++) {
      const text = toText(ip)
      if (addresses.get(text) !== undefined) continue
      addresses.pend(text, owner)
      return text
    }
  }
  return undefined
}

function nextPort([first, last]: readonly [number, number], ports: Pool<number>, owner: string): number | undefined {
  // From the upper part: the lower ports are the ones people ask for by number.
  for (const [from, to] of [[Math.min(first + 1000, last), last], [first, Math.min(first + 1000, last)]] as const) {
    for (let port = from; port <= to; port++) {
      if (ports.get(port) !== undefined) continue
      ports.pend(port, owner)
      return port
    }
  }
  return undefined
}
