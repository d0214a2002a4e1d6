import { describePolicy, type CompiledPolicy, type CompiledRule, type PeerMatch, type PolicyRef, type PortMatch } from './compiled-policy.ts'
import type { HttpMatcher } from './http-match.ts'
import type { Identity } from './identity.ts'
import type { Matches } from './label-selector.ts'
import { namespaceKey } from './labels.ts'
import type { Contains } from './cidr.ts'

export interface Question {
  readonly direction: 'ingress' | 'egress'
  /** Whose end it is. */
  readonly subject: Identity
  readonly peer: Identity
  readonly peerIp: string
  /** True when the peer is the subject's own node: nothing holds that back from coming in. */
  readonly fromOwnNode?: boolean
  readonly protocol: 'TCP' | 'UDP'
  readonly port: number
  /** Number of a named port of the end that answers. */
  portNamed?(name: string): number | undefined
  /** Names that are known for the peer's address. */
  readonly names?: readonly string[]
}

export interface Answer {
  readonly allowed: boolean
  /** Whether any policy decides about this direction of the subject. */
  readonly enforced: boolean
  /** An explicit deny rule matched. */
  readonly denied: boolean
  /** Policies whose rules matched; for what is not allowed by any, those that close the direction. */
  readonly by: readonly PolicyRef[]
  /** How narrow the narrowest rule that matched is, as policy verdicts number it: 1 peers alone, 2 peers and ports, 3 ports alone, 4 neither; 0 none. */
  readonly match: number
  /** Requests must match one of these; empty: every request, seen by the proxy. */
  readonly http?: readonly HttpMatcher[]
  readonly dns?: readonly ((name: string) => boolean)[]
}

/** What peers are matched by besides their labels. */
export interface PolicyWorld {
  services(): Iterable<{ readonly namespace: string; readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly selects?: Matches; readonly addresses: readonly string[] }>
  cidrGroups(): Iterable<{ readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly blocks: readonly Contains[] }>
}

export interface PolicyEngine {
  ask(question: Question): Answer
  /** In which directions policies close an identity. */
  closed(subject: Identity): { readonly ingress: boolean; readonly egress: boolean }
  /** Takes the place of all policies of before. */
  replace(policies: readonly CompiledPolicy[]): void
  readonly policies: readonly CompiledPolicy[]
  /** Counts replacements; 1 from the start, as upstream's policy revision. */
  readonly revision: number
}

export type Enforcement = 'default' | 'always' | 'never'

interface Side {
  readonly closed: boolean
  readonly rules: readonly CompiledRule[]
  readonly closing: readonly PolicyRef[]
  /** Rules that select a peer, for peers whose labels alone decide that. */
  readonly byPeer: WeakMap<Identity, readonly CompiledRule[]>
}
type Sides = Readonly<Record<'ingress' | 'egress', Side>>

const open: Answer = { allowed: true, enforced: false, denied: false, by: [], match: 0 }

/**
 * Verdicts of Cilium's policies, as its documentation states them: an end that no policy closes accepts everything; one that is closed accepts what a rule allows;
 * deny rules come first; HTTP and DNS rules count unless another rule allows the same without them.
 */
export function createPolicyEngine(world: PolicyWorld, enforcement: Enforcement = 'default'): PolicyEngine {
  let policies: readonly CompiledPolicy[] = []
  let revision = 1
  let selected = new WeakMap<Identity, Sides>()

  const sidesOf = (subject: Identity): Sides => {
    const known = selected.get(subject)
    if (known !== undefined) return known
    const selecting = policies.filter((policy) => !policy.ofNodes && policy.subject(subject.labels))
    const side = (direction: 'ingress' | 'egress'): Side => ({
      closed: enforcement === 'always' || selecting.some((policy) => policy.closes[direction]),
      closing: selecting.filter((policy) => policy.closes[direction]).map(({ ref }) => ref),
      rules: selecting.flatMap((policy) => policy[direction]), byPeer: new WeakMap(),
    })
    const made: Sides = { ingress: side('ingress'), egress: side('egress') }
    selected.set(subject, made)
    return made
  }
  return {
    get policies() { return policies },
    get revision() { return revision },
    replace(next) {
      policies = next
      revision++
      selected = new WeakMap()
    },
    closed(subject) {
      const { ingress, egress } = sidesOf(subject)
      return enforcement === 'never' ? { ingress: false, egress: false } : { ingress: ingress.closed, egress: egress.closed }
    },
    ask(question) {
      const { direction, subject, fromOwnNode = false } = question
      if (enforcement === 'never' || (subject.kind !== 'pod' && subject.kind !== 'ingress')) return open
      if (policies.length === 0 && enforcement === 'default') return open
      if (direction === 'ingress' && fromOwnNode) return open
      const side = sidesOf(subject)[direction]
      if (!side.closed && side.rules.length === 0) return open
      return decide(rulesFor(side, question, world), question, side)
    },
  }
}

function rulesFor({ rules, byPeer }: Side, question: Question, world: PolicyWorld): readonly CompiledRule[] {
  const { peer } = question
  const known = byPeer.get(peer)
  if (known !== undefined) return known
  const found = rules.filter((rule) => peerMatches(rule, question, world))
  // Of nodes and of the world the address counts too.
  if (peer.kind === 'pod' || peer.kind === 'ingress') byPeer.set(peer, found)
  return found
}

function decide(rules: readonly CompiledRule[], question: Question, { closed, closing }: Pick<Side, 'closed' | 'closing'>): Answer {
  const allowing: { readonly rule: CompiledRule; readonly http?: readonly HttpMatcher[]; readonly dns?: readonly ((name: string) => boolean)[] }[] = []
  for (const rule of rules) {
    const ports = rule.ports === undefined ? [{ ports: [] }] : rule.ports.filter((p) => p.ports.length === 0 || p.ports.some((port) => portMatches(port, question)))
    if (ports.length === 0) continue
    if (rule.deny) return { allowed: false, enforced: true, denied: true, by: [rule.policy], match: matchType(rule) }
    for (const port of ports) allowing.push({ rule, ...port })
  }
  if (!closed) return open
  if (allowing.length === 0) return { allowed: false, enforced: true, denied: false, by: closing, match: 0 }
  const by = [...new Set(allowing.map(({ rule }) => rule.policy))]
  const answer = { allowed: true, enforced: true, denied: false, by, match: Math.min(...allowing.map(({ rule }) => matchType(rule))) }
  if (allowing.some(({ http, dns }) => http === undefined && dns === undefined)) return answer
  const http = allowing.flatMap((a) => (a.http === undefined ? [] : [a.http]))
  const dns = allowing.flatMap((a) => (a.dns === undefined ? [] : [a.dns]))
  // A rule without an entry lets everything pass, and the proxy see it.
  return { ...answer, ...(http.length === 0 ? {} : { http: http.some((h) => h.length === 0) ? [] : http.flat() }), ...(dns.length === 0 ? {} : { dns: dns.some((d) => d.length === 0) ? [() => true] : dns.flat() }) }
}

function matchType({ peers, ports }: CompiledRule): number {
  if (peers === undefined) return ports === undefined ? 4 : 3
  return ports === undefined ? 1 : 2
}

function portMatches({ port, end, protocol }: PortMatch, question: Question): boolean {
  if (protocol !== 'ANY' && protocol !== question.protocol) return false
  if (port === 0) return true
  const number = typeof port === 'string' ? question.portNamed?.(port) : port
  if (number === undefined) return false
  return end === undefined ? question.port === number : question.port >= number && question.port <= end
}

function peerMatches({ peers }: CompiledRule, question: Question, world: PolicyWorld): boolean {
  return peers === undefined || peers.some((peer) => matches(peer, question, world))
}

function matches(match: PeerMatch, { peer, peerIp, names = [] }: Question, world: PolicyWorld): boolean {
  switch (match.type) {
    case 'labels': return match.matches(peer.labels)
    case 'cidr': return peer.kind === 'world' && match.contains(peerIp) && !match.except.some((except) => except(peerIp))
    case 'cidr-group': return peer.kind === 'world' && !match.except.some((except) => except(peerIp))
      && [...world.cidrGroups()].some(({ name, labels, blocks }) => match.names(name, labels) && blocks.some((contains) => contains(peerIp)))
    case 'name': return peer.kind === 'world' && names.some(match.matches)
    case 'service': return [...world.services()].some((service) => {
      if (match.namespace !== undefined && service.namespace !== match.namespace) return false
      if (match.name !== undefined ? service.name !== match.name : match.matches?.(new Map(Object.entries(service.labels).map(([key, value]) => [`k8s:${key}`, value]))) !== true) return false
      if (service.selects !== undefined) return peer.labels.get(`k8s:${namespaceKey}`) === service.namespace && service.selects(peer.labels)
      return peer.kind !== 'pod' && service.addresses.includes(peerIp)
    })
  }
}

/** Names of policies for a message. */
export function describeAll(policies: readonly PolicyRef[]): string {
  return policies.length === 0 ? 'policy enforcement "always"' : policies.map(describePolicy).join(', ')
}
