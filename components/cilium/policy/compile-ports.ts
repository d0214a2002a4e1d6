import type { PortRule } from '../kinds/cilium.ts'
import type { CompiledPortRule, PortMatch } from './compiled-policy.ts'
import { compileHttpMatch } from './http-match.ts'
import { compileNameMatch } from './name-match.ts'

const mostPorts = 40
const serviceName = /^(?=.*[A-Za-z])[A-Za-z0-9](?:-?[A-Za-z0-9])*$/
const protocols = ['TCP', 'UDP', 'SCTP', 'ICMP', 'ICMPV6', 'ANY', 'VRRP', 'IGMP']

export interface PortContext { readonly direction: 'ingress' | 'egress'; readonly deny: boolean; readonly ofNodes: boolean }

/** `toPorts`. Undefined: any port. @throws Error in upstream's words where upstream has them */
export function compilePorts(rules: readonly PortRule[], context: PortContext): readonly CompiledPortRule[] | undefined {
  return rules.length === 0 ? undefined : rules.map((rule) => compilePortRule(rule, context))
}

const refused = ['terminatingTLS', 'originatingTLS', 'serverNames', 'listener'] as const

function compilePortRule(rule: PortRule, { direction, deny, ofNodes }: PortContext): CompiledPortRule {
  for (const field of refused) if (rule[field] !== undefined) throw new Error(`toPorts[].${field} is not supported by the stand-in`)
  const { ports = [], rules = {} } = rule
  const { http, dns, kafka, l7proto, l7 } = rules
  const l7Count = [http, dns, kafka, l7proto].filter((given) => given !== undefined).length
  if (l7Count > 0 && deny) throw new Error(`L7 rules are not supported in ${direction}Deny`)
  if (kafka !== undefined) throw new Error('rules.kafka is not supported by the stand-in')
  if (l7 !== undefined && l7proto === undefined) throw new Error("'l7' may only be specified when a 'l7proto' is also specified")
  if (l7proto !== undefined) throw new Error('rules.l7proto is not supported by the stand-in')
  if (direction === 'ingress' && dns !== undefined && dns.length > 0) throw new Error('DNS rules are not allowed on ingress')
  if (ports.length > mostPorts) throw new Error(`too many ports, the max is ${mostPorts}`)
  const compiled = ports.map(compilePort)
  if (l7Count === 0) return { ports: compiled }
  if (ofNodes) throw new Error('host policies do not support L7 rules yet')
  if (http !== undefined) for (const { protocol } of compiled) if (protocol !== 'TCP') throw new Error(`L7 rules can only apply to TCP (not ${protocol}) except for DNS rules`)
  if (compiled.some(({ port }) => port === 0)) throw new Error('L7 rules can not be used when a port is 0')
  if (dns !== undefined && ports.length === 0) throw new Error('Port 53 must be specified for DNS rules')
  if (l7Count > 1) throw new Error('multiple L7 protocol rule types specified in single rule')
  return { ports: compiled, ...(http === undefined ? {} : { http: http.map(compileHttpMatch) }), ...(dns === undefined ? {} : { dns: dns.map(compileNameMatch) }) }
}

function compilePort({ port = '', endPort, protocol = 'ANY' }: { readonly port?: string; readonly endPort?: number; readonly protocol?: string }): PortMatch {
  if (port === '') throw new Error('Port must be specified')
  const upper = (protocol === '' ? 'ANY' : protocol).toUpperCase()
  if (!protocols.includes(upper)) throw new Error(`invalid protocol ${JSON.stringify(protocol)}, must be { tcp | udp | sctp | any | vrrp | igmp }`)
  const kind = upper === 'TCP' || upper === 'UDP' || upper === 'ANY' ? upper : 'other'
  if (serviceName.test(port)) return { port: port.toLowerCase(), protocol: kind }
  const number = /^\d+$/.test(port) ? Number(port) : Number.NaN
  if (!(number <= 65_535)) throw new Error(`Unable to parse port: strconv.ParseUint: parsing ${JSON.stringify(port)}: ${Number.isNaN(number) ? 'invalid syntax' : 'value out of range'}`)
  return { port: number, protocol: kind, ...(endPort === undefined || endPort <= number ? {} : { end: endPort }) }
}
