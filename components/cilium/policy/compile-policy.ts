import type { CidrRule, CiliumClusterwideNetworkPolicy, CiliumNetworkPolicy, EgressRule, IngressRule, PolicySpec, ServiceReference } from '../kinds/cilium.ts'
import { compileCidr, networkOf } from './cidr.ts'
import type { CompiledPolicy, CompiledRule, PeerMatch, PolicyRef } from './compiled-policy.ts'
import { compilePorts } from './compile-ports.ts'
import { entityPeers, isEntity } from './entities.ts'
import { compilePeerSelector, compileSelector, compileSubject, type Scope } from './label-selector.ts'
import { compileNameMatch } from './name-match.ts'

export interface PolicyResult {
  /** Empty when one of the specs is not valid: upstream takes no part of such a policy. */
  readonly policies: readonly CompiledPolicy[]
  /** What is wrong, one a spec, in upstream's words where upstream has them. */
  readonly errors: readonly string[]
}

interface Compiling extends Scope {
  readonly ref: PolicyRef
  readonly cluster: string
  readonly ofNodes: boolean
}

/** CiliumNetworkPolicy or CiliumClusterwideNetworkPolicy, `spec` and `specs`. `cluster` is the cluster's name. */
export function compilePolicy(policy: CiliumNetworkPolicy | CiliumClusterwideNetworkPolicy, { cluster }: { readonly cluster: string }): PolicyResult {
  const { name = '', namespace } = policy.metadata
  const wide = policy.kind === 'CiliumClusterwideNetworkPolicy'
  const ref: PolicyRef = wide ? { kind: 'CiliumClusterwideNetworkPolicy', name } : { kind: 'CiliumNetworkPolicy', namespace: namespace ?? 'default', name }
  const specs = [...(policy.spec === undefined ? [] : [policy.spec]), ...(policy.specs ?? [])]
  const policies: CompiledPolicy[] = []
  const errors: string[] = specs.length === 0 ? ['policy has neither spec nor specs'] : []
  for (const spec of specs) {
    try {
      policies.push(compileSpec(spec, { ref, cluster, ...(wide ? {} : { namespace: namespace ?? 'default' }) }))
    } catch (error) {
      errors.push((error as Error).message)
    }
  }
  return { policies: errors.length > 0 ? [] : policies, errors }
}

function compileSpec(spec: PolicySpec, where: Omit<Compiling, 'ofNodes'>): CompiledPolicy {
  const { endpointSelector, nodeSelector, ingress = [], ingressDeny = [], egress = [], egressDeny = [], enableDefaultDeny = {} } = spec
  if (endpointSelector === undefined && nodeSelector === undefined) throw new Error('rule must have one of EndpointSelector or NodeSelector')
  if (endpointSelector !== undefined && nodeSelector !== undefined) throw new Error('rule cannot have both EndpointSelector and NodeSelector')
  if (nodeSelector !== undefined && where.namespace !== undefined) throw new Error('Invalid CiliumNetworkPolicy spec: rule cannot have NodeSelector')
  const context: Compiling = { ...where, ofNodes: nodeSelector !== undefined }
  const rules = <T extends IngressRule & EgressRule>(list: readonly T[], deny: boolean, direction: 'ingress' | 'egress') => list.flatMap((rule) => compileRule(rule, { deny, direction }, context))
  return {
    ref: where.ref, ofNodes: context.ofNodes,
    subject: endpointSelector === undefined ? compileSelector(nodeSelector ?? {}) : compileSubject(endpointSelector, where),
    closes: {
      ingress: enableDefaultDeny.ingress ?? ingress.length + ingressDeny.length > 0,
      egress: enableDefaultDeny.egress ?? egress.length + egressDeny.length > 0,
    },
    ingress: [...rules(ingress, false, 'ingress'), ...rules(ingressDeny, true, 'ingress')],
    egress: [...rules(egress, false, 'egress'), ...rules(egressDeny, true, 'egress')],
  }
}

/** Fields that would change what a rule means and are not acted on here. */
const refused = ['fromRequires', 'toRequires', 'fromGroups', 'toGroups', 'fromNodes', 'toNodes'] as const

function compileRule(rule: IngressRule & EgressRule, { deny, direction }: { readonly deny: boolean; readonly direction: 'ingress' | 'egress' }, context: Compiling): CompiledRule[] {
  for (const field of refused) if (rule[field] !== undefined) throw new Error(`${field} is not supported by the stand-in`)
  if (rule.authentication !== undefined && rule.authentication.mode !== 'disabled') throw new Error(`mutual auth feature is disabled but an ${direction} auth rule is defined in policy`)
  const selected = peersOf(rule, context)
  if (selected.length > 1) throw new Error(`Combining ${selected[0]?.field} and ${selected[1]?.field} is not supported yet`)
  const { toPorts = [], icmps = [] } = rule
  if (selected[0]?.field === 'ToServices' && toPorts.length > 0) throw new Error('Combining ToServices and ToPorts is not supported yet')
  if (icmps.length > 0 && toPorts.length > 0) throw new Error('The ICMPs block may only be present without ToPorts. Define a separate rule to use ToPorts.')
  for (const { family } of icmps.flatMap((i) => i.fields ?? [])) if (family !== undefined && family !== '' && family !== 'IPv4' && family !== 'IPv6') throw new Error(`wrong family: ${family}`)
  const ports = compilePorts(toPorts, { direction, deny, ofNodes: context.ofNodes })
  // Nothing here sends ICMP: such a rule closes its direction, and allows nothing else.
  if (icmps.length > 0) return []
  const peers = selected[0]?.peers
  // A rule that names neither peers nor ports selects nothing.
  if (peers === undefined && ports === undefined) return []
  return [{ policy: context.ref, deny, peers, ports }]
}

interface PeerField { readonly field: string; readonly peers: readonly PeerMatch[] }

function peersOf(rule: IngressRule & EgressRule, context: Compiling): PeerField[] {
  const found: PeerField[] = []
  const add = <T>(field: string, list: readonly T[] | undefined, compile: (item: T) => readonly PeerMatch[]) => {
    // An empty list is given, and selects nothing.
    if (list !== undefined) found.push({ field, peers: list.flatMap(compile) })
  }
  for (const end of ['From', 'To'] as const) {
    const lower = end === 'From' ? 'from' : 'to'
    add(`${end}Endpoints`, rule[`${lower}Endpoints`], (selector) => [{ type: 'labels', matches: compilePeerSelector(selector, context) }])
    add(`${end}Entities`, rule[`${lower}Entities`], (entity) => {
      if (!isEntity(entity)) throw new Error(`unsupported entity: ${entity}`)
      return [{ type: 'labels', matches: entityPeers(entity, context.cluster) }]
    })
    add(`${end}CIDR`, rule[`${lower}CIDR`], (cidr) => [{ type: 'cidr', contains: checked(() => compileCidr(cidr, { orAddress: true }), 'unable to parse CIDR'), except: [] }])
    add(`${end}CIDRSet`, rule[`${lower}CIDRSet`], compileCidrRule)
  }
  add('ToServices', rule.toServices, (service) => compileService(service, context))
  add('ToFQDNs', rule.toFQDNs, (name) => [{ type: 'name', matches: compileNameMatch(name) }])
  const given = found.filter(({ peers }) => peers.length > 0)
  return given.length > 0 ? given : found.slice(0, 1)
}

function compileCidrRule({ cidr, cidrGroupRef, cidrGroupSelector, except = [] }: CidrRule): PeerMatch[] {
  const compiledExcept = except.map((block) => compileCidr(block))
  if (cidrGroupRef !== undefined) return [{ type: 'cidr-group', names: (name) => name === cidrGroupRef, except: compiledExcept }]
  if (cidrGroupSelector !== undefined) {
    const matches = compileSelector(cidrGroupSelector)
    return [{ type: 'cidr-group', names: (_name, labels) => matches(new Map(Object.entries(labels).map(([key, value]) => [`cidrgroup:${key}`, value]))), except: compiledExcept }]
  }
  const contains = checked(() => compileCidr(cidr ?? ''), `Unable to parse CIDRRule ${JSON.stringify(cidr ?? '')}`)
  for (const block of except) if (!contains(networkOf(block))) throw new Error(`allow CIDR prefix ${cidr} does not contain exclude CIDR prefix ${block}`)
  return [{ type: 'cidr', contains, except: compiledExcept }]
}

function compileService({ k8sService, k8sServiceSelector }: ServiceReference, { namespace }: Scope): PeerMatch[] {
  if (k8sService !== undefined) return [{ type: 'service', namespace: k8sService.namespace ?? namespace, name: k8sService.serviceName ?? '' }]
  if (k8sServiceSelector === undefined) return []
  const matches = compileSelector(k8sServiceSelector.selector)
  return [{ type: 'service', namespace: k8sServiceSelector.namespace ?? namespace, matches }]
}

function checked<T>(compile: () => T, what: string): T {
  try {
    return compile()
  } catch (cause) {
    throw new Error(`${what}: ${(cause as Error).message}`, { cause })
  }
}
