import type { Json, JsonObject } from '@idp/formats'
import { isCidr, isIP } from '../schema/string-format.ts'
import { Checker, child, items } from './checker.ts'
import { duplicate } from './field-error.ts'
import { checkLabels, checkSelector } from './metadata.ts'
import { dns1123Label, dns1123Subdomain, portName } from './names.ts'

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']

export function checkService(check: Checker, object: JsonObject): void {
  const spec = child(object, 'spec') ?? {}
  const ports = items(spec, 'ports')
  const headless = spec.clusterIP === 'None'
  if (ports.length === 0 && !headless && spec.type !== 'ExternalName') check.required('spec.ports')
  check.oneOf(spec, 'spec', 'type', types)
  if (spec.type === 'ExternalName') {
    const name = check.text(spec, 'spec', 'externalName')
    if (name !== undefined) check.name('spec.externalName', name.replace(/\.$/, '').toLowerCase(), dns1123Subdomain)
    if (headless || (typeof spec.clusterIP === 'string' && spec.clusterIP !== '')) check.forbidden('spec.clusterIPs', 'may not be set for ExternalName services')
  }
  if (headless && (spec.type === 'NodePort' || spec.type === 'LoadBalancer')) check.invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`)
  if (typeof spec.clusterIP === 'string' && spec.clusterIP !== '' && !headless && !isIP(spec.clusterIP)) check.invalid('spec.clusterIPs[0]', [spec.clusterIP], 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')
  checkPorts(check, ports)
  checkLabels(check, child(spec, 'selector'), 'spec.selector')
  check.oneOf(spec, 'spec', 'sessionAffinity', ['ClientIP', 'None'])
  check.oneOf(spec, 'spec', 'externalTrafficPolicy', ['Cluster', 'Local'])
  check.oneOf(spec, 'spec', 'internalTrafficPolicy', ['Cluster', 'Local'])
  check.oneOf(spec, 'spec', 'ipFamilyPolicy', ['PreferDualStack', 'RequireDualStack', 'SingleStack'])
}

function checkPorts(check: Checker, ports: JsonObject[]): void {
  const seen = new Set<string>()
  check.unique(ports, 'spec.ports', 'name')
  for (const [index, port] of ports.entries()) {
    const at = `spec.ports[${index}]`
    const { name } = port
    if (typeof name === 'string' && name !== '') check.name(`${at}.name`, name, dns1123Label)
    else if (ports.length > 1) check.required(`${at}.name`)
    check.port(`${at}.port`, port.port)
    check.oneOf(port, at, 'protocol', ['SCTP', 'TCP', 'UDP'])
    if (typeof port.targetPort === 'string') check.name(`${at}.targetPort`, port.targetPort, portName)
    else if (port.targetPort !== undefined) check.port(`${at}.targetPort`, port.targetPort)
    const key = `${port.port}/${port.protocol ?? 'TCP'}`
    if (seen.has(key)) check.add(duplicate(at, { port: port.port ?? null, protocol: port.protocol ?? 'TCP' }))
    seen.add(key)
  }
}

/** The address of a Service stays what it is, unless the Service turns into or from an ExternalName. */
export function checkServiceUpdate(check: Checker, object: JsonObject, old: JsonObject): void {
  const spec = child(object, 'spec') ?? {}
  const before = child(old, 'spec') ?? {}
  if (spec.type === 'ExternalName' || before.type === 'ExternalName') return
  if (typeof before.clusterIP !== 'string' || before.clusterIP === '' || before.clusterIP === spec.clusterIP) return
  check.invalid('spec.clusterIPs[0]', Array.isArray(spec.clusterIPs) ? spec.clusterIPs : [spec.clusterIP ?? ''], 'may not change once set')
}

export function checkIngress(check: Checker, object: JsonObject): void {
  const spec = child(object, 'spec') ?? {}
  const rules = items(spec, 'rules')
  const fallback = child(spec, 'defaultBackend')
  if (rules.length === 0 && !fallback) check.invalid('spec', rules, 'either `defaultBackend` or `rules` must be specified')
  if (fallback) checkBackend(check, fallback, 'spec.defaultBackend')
  for (const [index, rule] of rules.entries()) {
    const at = `spec.rules[${index}]`
    if (typeof rule.host === 'string' && rule.host !== '') check.name(`${at}.host`, rule.host.replace(/^\*\./, ''), dns1123Subdomain)
    const http = child(rule, 'http')
    if (http && items(http, 'paths').length === 0) check.required(`${at}.http.paths`)
    for (const [position, path] of items(http, 'paths').entries()) checkPath(check, path, `${at}.http.paths[${position}]`)
  }
}

function checkPath(check: Checker, path: JsonObject, at: string): void {
  if (path.pathType === undefined) check.required(`${at}.pathType`, 'pathType must be specified')
  check.oneOf(path, at, 'pathType', ['Exact', 'ImplementationSpecific', 'Prefix'])
  const text = typeof path.path === 'string' ? path.path : ''
  if ((path.pathType === 'Exact' || path.pathType === 'Prefix') && !text.startsWith('/')) check.invalid(`${at}.path`, text, 'must be an absolute path')
  checkBackend(check, child(path, 'backend') ?? {}, `${at}.backend`)
}

function checkBackend(check: Checker, backend: JsonObject, at: string): void {
  const service = child(backend, 'service')
  if (!service && backend.resource === undefined) return check.required(at, 'one of service or resource must be specified')
  if (!service) return
  check.text(service, `${at}.service`, 'name')
  const port = child(service, 'port')
  if (port?.name === undefined && port?.number === undefined) check.required(`${at}.service.port`, 'port name or number is required')
  else if (port.number !== undefined) check.port(`${at}.service.port.number`, port.number)
}

export function checkNetworkPolicy(check: Checker, object: JsonObject): void {
  const spec = child(object, 'spec') ?? {}
  checkSelector(check, child(spec, 'podSelector'), 'spec.podSelector')
  for (const [direction, peers] of [['ingress', 'from'], ['egress', 'to']] as const) {
    for (const [index, rule] of items(spec, direction).entries()) {
      for (const [position, port] of items(rule, 'ports').entries()) {
        const at = `spec.${direction}[${index}].ports[${position}]`
        check.oneOf(port, at, 'protocol', ['SCTP', 'TCP', 'UDP'])
        if (typeof port.port === 'number') check.port(`${at}.port`, port.port)
        else if (typeof port.port === 'string') check.name(`${at}.port`, port.port, portName)
      }
      for (const [position, peer] of items(rule, peers).entries()) checkPeer(check, peer, `spec.${direction}[${index}].${peers}[${position}]`)
    }
  }
}

function checkPeer(check: Checker, peer: JsonObject, at: string): void {
  const block = child(peer, 'ipBlock')
  if (!block && peer.podSelector === undefined && peer.namespaceSelector === undefined) check.required(at, 'must specify a peer')
  if (!block) return
  if (peer.podSelector !== undefined || peer.namespaceSelector !== undefined) check.forbidden(at, 'may not specify both ipBlock and another peer')
  const cidr = check.text(block, `${at}.ipBlock`, 'cidr')
  const all: Json[] = [cidr ?? '0.0.0.0/0', ...(Array.isArray(block.except) ? block.except : [])]
  for (const text of all) if (!isCidr(String(text))) check.invalid(`${at}.ipBlock.cidr`, text, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')
}
