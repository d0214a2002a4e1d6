import { isIP } from 'node:net'
import type { EndpointSlice } from '@idp/api'
import { isHeadless, type ClusterView } from './cluster-view.ts'

/** What a name stands for: addresses in the cluster, a name outside of it, or nothing. */
export type DnsAnswer =
  | { readonly type: 'addresses'; readonly addresses: readonly string[]; readonly name: string }
  | { readonly type: 'external'; readonly name: string }
  | { readonly type: 'absent' }

export interface DnsQuestion {
  readonly name: string
  /** Namespace of the asking pod: decides the search domains. */
  readonly namespace: string
  /** `cluster.local` by default. */
  readonly domain?: string
}

const absent: DnsAnswer = { type: 'absent' }
/** As in a pod's resolv.conf: names with fewer dots are tried with the search domains first. */
const ndots = 5
const longestAlias = 8

/**
 * Answers as the cluster's DNS does to a pod (the Kubernetes DNS specification 1.1: A records): Services, headless Services,
 * pods of headless Services by host name, ExternalName, pod addresses; with the search domains of the pod's namespace.
 */
export function resolveName(view: ClusterView, { name, namespace, domain = 'cluster.local' }: DnsQuestion): DnsAnswer {
  const asked = name.toLowerCase()
  if (isIP(asked) !== 0) return { type: 'addresses', addresses: [asked], name: asked }
  for (const candidate of candidates(asked, namespace, domain)) {
    const answer = lookUp(view, candidate, domain, 0)
    if (answer.type !== 'absent') return answer
  }
  return absent
}

function candidates(name: string, namespace: string, domain: string): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)]
  const searched = [`${namespace}.svc.${domain}`, `svc.${domain}`, domain].map((suffix) => `${name}.${suffix}`)
  return name.split('.').length - 1 >= ndots ? [name, ...searched] : [...searched, name]
}

function lookUp(view: ClusterView, name: string, domain: string, depth: number): DnsAnswer {
  if (!name.endsWith(`.${domain}`)) return name.includes('.') ? { type: 'external', name } : absent
  const labels = name.slice(0, -domain.length - 1).split('.')
  const kind = labels.at(-1)
  const namespace = labels.at(-2)
  if (namespace === undefined) return absent
  if (kind === 'pod') return labels.length === 3 ? podAddress(labels[0], name) : absent
  if (kind !== 'svc') return absent
  if (labels.length === 3) return serviceRecords(view, labels[0] ?? '', namespace, name, domain, depth)
  if (labels.length === 4) return endpointRecord(view, labels[0] ?? '', labels[1] ?? '', namespace, name)
  return absent
}

function serviceRecords(view: ClusterView, service: string, namespace: string, name: string, domain: string, depth: number): DnsAnswer {
  const found = view.service(service, namespace)
  if (found === undefined) return absent
  if (found.spec.type === 'ExternalName') {
    const target = (found.spec.externalName ?? '').toLowerCase().replace(/\.$/, '')
    if (target === '' || depth >= longestAlias) return absent
    return lookUp(view, target, domain, depth + 1)
  }
  if (!isHeadless(found)) return found.spec.clusterIP === undefined ? absent : { type: 'addresses', addresses: [found.spec.clusterIP], name }
  const addresses = new Set<string>()
  for (const slice of view.slices(service, namespace)) for (const endpoint of answering(slice)) for (const address of endpoint.addresses ?? []) addresses.add(address)
  return addresses.size === 0 ? absent : { type: 'addresses', addresses: [...addresses], name }
}

function endpointRecord(view: ClusterView, host: string, service: string, namespace: string, name: string): DnsAnswer {
  const addresses: string[] = []
  for (const slice of view.slices(service, namespace)) {
    for (const endpoint of answering(slice)) {
      const named = endpoint.hostname ?? endpoint.addresses?.[0]?.replaceAll(/[.:]/g, '-')
      if (named === host) addresses.push(...(endpoint.addresses ?? []))
    }
  }
  return addresses.length === 0 ? absent : { type: 'addresses', addresses, name }
}

/** An unknown condition counts as ready; publishNotReadyAddresses is already in the slice's `ready`. */
function answering(slice: EndpointSlice) {
  return (slice.endpoints ?? []).filter((e) => e.conditions?.ready !== false)
}

function podAddress(label: string | undefined, name: string): DnsAnswer {
  const address = (label ?? '').replaceAll('-', '.')
  return isIP(address) === 4 ? { type: 'addresses', addresses: [address], name } : absent
}
