import type { Endpoints, EndpointSlice, Ingress, IngressClass, IPAddress, NetworkPolicy, Service, ServiceCIDR } from '../kinds/index.ts'
import { ageColumn, column, firstThree, labelsText, nameColumn, none, type PrinterColumn, selectorText, unset, wide } from './column.ts'

type LoadBalancer = { ingress?: readonly { ip?: string; hostname?: string }[] } | undefined

function loadBalancerText(status: LoadBalancer): string {
  const all = [...new Set((status?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '').filter((text) => text !== ''))].sort().join(',')
  return all.length > 16 ? `${all.slice(0, 13)}...` : all
}

function externalIp({ spec, status }: Service): string {
  const own = (spec.externalIPs ?? []).join(',')
  if (spec.type === 'ExternalName') return spec.externalName ?? ''
  if (spec.type !== 'LoadBalancer') return own === '' ? none : own
  const balanced = [loadBalancerText(status?.loadBalancer), own].filter((text) => text !== '').join(',')
  return balanced === '' ? '<pending>' : balanced
}

function portsText({ spec }: Service): string {
  const parts = (spec.ports ?? []).map(({ port, nodePort, protocol }) => `${port}${nodePort ? `:${nodePort}` : ''}/${protocol ?? 'TCP'}`)
  return parts.length === 0 ? none : parts.join(',')
}

export const serviceColumns: readonly PrinterColumn<Service>[] = [
  nameColumn, column('Type', ({ spec }) => spec.type ?? 'ClusterIP'), column('Cluster-IP', ({ spec }) => (spec.clusterIPs?.[0] ?? spec.clusterIP) || none),
  column('External-IP', externalIp), column('Port(s)', portsText), ageColumn, wide('Selector', ({ spec }) => labelsText(spec.selector)),
]

function endpointsText({ subsets = [] }: Endpoints): string {
  const parts = subsets.flatMap(({ addresses = [], ports = [] }) => ports.length === 0 ? addresses.map(({ ip }) => ip) : ports.flatMap(({ port }) => addresses.map(({ ip }) => ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)))
  return firstThree(parts, none)
}

export const endpointsColumns: readonly PrinterColumn<Endpoints>[] = [nameColumn, column('Endpoints', endpointsText), ageColumn]

export const endpointSliceColumns: readonly PrinterColumn<EndpointSlice>[] = [
  nameColumn, column('AddressType', ({ addressType }) => addressType),
  column('Ports', ({ ports = [] }) => firstThree((ports ?? []).map(({ name, port }) => port === undefined ? name ?? '*' : String(port)), unset)),
  column('Endpoints', ({ endpoints }) => firstThree((endpoints ?? []).flatMap(({ addresses }) => addresses), unset)), ageColumn,
]

function hostsText({ spec }: Ingress): string {
  const hosts = (spec.rules ?? []).map(({ host }) => host ?? '').filter((host) => host !== '')
  return firstThree(hosts, '*')
}

export const ingressColumns: readonly PrinterColumn<Ingress>[] = [
  nameColumn, column('Class', ({ spec, metadata }) => spec.ingressClassName ?? metadata.annotations?.['kubernetes.io/ingress.class'] ?? none), column('Hosts', hostsText),
  column('Address', ({ status }) => loadBalancerText(status?.loadBalancer)), column('Ports', ({ spec }) => (spec.tls?.length ?? 0) > 0 ? '80, 443' : '80'), ageColumn,
]

export const ingressClassColumns: readonly PrinterColumn<IngressClass>[] = [
  nameColumn, column('Controller', ({ spec }) => spec.controller ?? ''),
  column('Parameters', ({ spec: { parameters } }) => parameters === undefined ? none : `${parameters.kind}${parameters.apiGroup === undefined ? '' : `.${parameters.apiGroup}`}/${parameters.name}`), ageColumn,
]

export const networkPolicyColumns: readonly PrinterColumn<NetworkPolicy>[] = [nameColumn, column('Pod-Selector', ({ spec }) => selectorText(spec.podSelector)), ageColumn]

export const ipAddressColumns: readonly PrinterColumn<IPAddress>[] = [
  nameColumn, column('ParentRef', ({ spec: { parentRef } }) => `${parentRef.resource}${parentRef.group === undefined || parentRef.group === '' ? '' : `.${parentRef.group}`}/${parentRef.namespace === undefined ? '' : `${parentRef.namespace}/`}${parentRef.name}`),
]

export const serviceCidrColumns: readonly PrinterColumn<ServiceCIDR>[] = [nameColumn, column('CIDRs', ({ spec }) => (spec.cidrs ?? []).join(',')), ageColumn]
