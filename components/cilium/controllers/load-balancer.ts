import { Node, Service } from '@idp/api'
import { watch, type Controller, type Scope } from '@idp/controller'
import { rfc3339 } from '@idp/kit'
import { addressPools, contains, freeAddress, sizeOf, type AddressPool } from '../engine/address-pool.ts'
import { CiliumLoadBalancerIPPool } from '../kinds/cilium.ts'
import { keyOf } from './caches.ts'

const balanced = (scope: Scope) => scope.cache(Service).list().filter((service) => service.spec.type === 'LoadBalancer').map(keyOf)
const satisfied = 'cilium.io/IPAMRequestSatisfied'
const askedFor = ['lbipam.cilium.io/ips', 'io.cilium/lb-ipam-ips']

interface Given { readonly ips: readonly string[]; readonly reason: string; readonly message: string }

/**
 * Addresses for Services of type LoadBalancer: out of the CiliumLoadBalancerIPPools that select them; where there is no pool, those of the nodes, since every node answers
 * on the Service's node ports. `given` remembers what the cache does not show yet.
 */
export function loadBalancerController(given: Map<string, readonly string[]> = new Map()): Controller<Service> {
  return {
    name: 'load-balancer',
    for: Service,
    watches: [
      watch(Node, (_node, scope, { before, after }) => (addressOf(before) === addressOf(after) ? [] : balanced(scope))),
      watch(CiliumLoadBalancerIPPool, (_pool, scope, { before, after }) => (before?.metadata.generation === after?.metadata.generation ? [] : balanced(scope))),
    ],
    concerns: (before, after) => after.spec.type === 'LoadBalancer' || before?.spec.type === 'LoadBalancer',
    async reconcile(service, scope) {
      const { type, loadBalancerClass } = service.spec
      const key = `${service.metadata.namespace}/${service.metadata.name}`
      if (loadBalancerClass !== undefined && !loadBalancerClass.startsWith('io.cilium/')) return
      if (type !== 'LoadBalancer' || service.metadata.deletionTimestamp !== undefined) {
        given.delete(key)
        return service.status?.loadBalancer?.ingress === undefined ? undefined : { status: { ...service.status, loadBalancer: {} } }
      }
      const pools = addressPools(scope.cache(CiliumLoadBalancerIPPool).list())
      if (pools.length === 0) {
        const wanted = askedBy(service)
        const ingress = scope.cache(Node).list().flatMap((node) => addressOf(node) ?? []).filter((ip) => wanted.length === 0 || wanted.includes(ip)).sort().map((ip) => ({ ip, ipMode: 'VIP' }))
        return { status: { ...service.status, loadBalancer: ingress.length === 0 ? {} : { ingress } } }
      }
      const { ips, reason, message } = give(service, pools, given, scope)
      given.set(key, ips)
      const condition = { type: satisfied, status: ips.length > 0 ? 'True' : 'False', reason, message, observedGeneration: service.metadata.generation ?? 0 }
      const known = service.status?.conditions?.find((c) => c.type === satisfied)
      const lastTransitionTime = known?.status === condition.status ? known.lastTransitionTime : rfc3339(scope.clock.now())
      return {
        status: {
          ...service.status, loadBalancer: ips.length === 0 ? {} : { ingress: ips.map((ip) => ({ ip, ipMode: 'VIP' })) },
          conditions: [...(service.status?.conditions ?? []).filter((c) => c.type !== satisfied), { ...condition, lastTransitionTime }],
        },
      }
    },
  }
}

/** The addresses that a Service asks for. */
function askedBy({ metadata, spec }: Service): string[] {
  return [...askedFor.flatMap((annotation) => (metadata.annotations?.[annotation] ?? '').split(',')), spec.loadBalancerIP ?? ''].map((ip) => ip.trim()).filter((ip) => ip !== '')
}

function give(service: Service, pools: readonly AddressPool[], given: Map<string, readonly string[]>, scope: Scope): Given {
  const { name = '', namespace = '', labels = {}, annotations = {} } = service.metadata
  const key = `${namespace}/${name}`
  if (annotations['lbipam.cilium.io/sharing-key'] !== undefined) return { ips: [], reason: 'not_supported', message: 'lbipam.cilium.io/sharing-key is not supported by the stand-in' }
  const taken = new Set<string>()
  for (const [other, ips] of given) if (other !== key) for (const ip of ips) taken.add(ip)
  for (const other of scope.cache(Service).list()) if (`${other.metadata.namespace}/${other.metadata.name}` !== key) for (const { ip } of other.status?.loadBalancer?.ingress ?? []) if (ip !== undefined) taken.add(ip)
  const seen = new Map([...Object.entries(labels), ['io.kubernetes.service.name', name], ['io.kubernetes.service.namespace', namespace]].map(([label, value]) => [`k8s:${label}`, value as string]))
  const mine = pools.filter((pool) => pool.conflict === undefined && pool.selects(seen))
  if (mine.length === 0) return { ips: [], reason: 'no_pool', message: 'There are no enabled CiliumLoadBalancerIPPools that match this service' }
  const wanted = askedBy(service)
  if (wanted.length > 0) {
    const bad = wanted.find((ip) => taken.has(ip) || !mine.some((pool) => contains(pool, ip)))
    return bad === undefined ? { ips: wanted, reason: 'satisfied', message: '' } : { ips: [], reason: taken.has(bad) ? 'already_allocated' : 'pool_selector_mismatch', message: `The IP '${bad}' is ${taken.has(bad) ? 'already in use by another service' : 'in no pool that selects this service'}` }
  }
  const kept = (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip !== undefined && !taken.has(ip) && mine.some((pool) => contains(pool, ip)) ? [ip] : []))[0]
  for (const pool of mine) {
    const ip = kept ?? freeAddress(pool, (address) => taken.has(address))
    if (ip !== undefined) return { ips: [ip], reason: 'satisfied', message: '' }
  }
  return { ips: [], reason: 'out_of_ips', message: 'All enabled CiliumLoadBalancerIPPools that match this service ran out of allocatable IPs' }
}

/** Says of each pool how many addresses it has and how many are left. */
export const addressPoolController: Controller<CiliumLoadBalancerIPPool> = {
  name: 'lb-ipam-pool',
  for: CiliumLoadBalancerIPPool,
  watches: [watch(Service, (_service, scope, { before, after }) => (addressesOf(before) === addressesOf(after) ? [] : scope.cache(CiliumLoadBalancerIPPool).list().map(keyOf)))],
  async reconcile(pool, scope) {
    const found = addressPools(scope.cache(CiliumLoadBalancerIPPool).list()).find(({ name }) => name === pool.metadata.name)
    const used = found === undefined ? 0 : scope.cache(Service).list().flatMap((service) => addressesOf(service).split(',')).filter((ip) => ip !== '' && contains(found, ip)).length
    const total = found === undefined ? 0 : sizeOf(found)
    const facts: [type: string, status: string, reason: string, message: string][] = [
      ['cilium.io/PoolConflict', found?.conflict === undefined ? 'False' : 'True', found?.conflict === undefined ? 'resolved' : 'cidr_overlap', found?.conflict === undefined ? '' : `Pool conflicts since it has addresses of pool '${found.conflict}'`],
      ['cilium.io/IPsTotal', 'Unknown', 'noreason', String(total)], ['cilium.io/IPsAvailable', 'Unknown', 'noreason', String(total - used)], ['cilium.io/IPsUsed', 'Unknown', 'noreason', String(used)],
    ]
    const known = pool.status?.conditions ?? []
    const conditions = facts.map(([type, status, reason, message]) => {
      const before = known.find((c) => c.type === type)
      return { type, status, reason, message, observedGeneration: pool.metadata.generation ?? 0, lastTransitionTime: before !== undefined && before.status === status && before.message === message ? before.lastTransitionTime : rfc3339(scope.clock.now()) }
    })
    return { status: { ...pool.status, conditions } }
  },
}

function addressesOf(service: Service | undefined): string {
  return service?.spec.type === 'LoadBalancer' ? (service.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? '').join(',') : ''
}

function addressOf(node: Node | undefined): string | undefined {
  return node?.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address
}
