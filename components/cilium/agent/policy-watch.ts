import { EndpointSlice, NetworkPolicy, Service, type Kind } from '@idp/api'
import { informer, metadataOnly, type Informer } from '@idp/controller'
import type { Client } from '@idp/client'
import type { KubeObject } from '@idp/formats'
import type { Clock, Log } from '@idp/kit'
import { CiliumCIDRGroup, CiliumClusterwideNetworkPolicy, CiliumNetworkPolicy, type LabelSelector } from '../kinds/cilium.ts'
import { compileCidr } from '../policy/cidr.ts'
import { compileNetworkPolicy } from '../policy/compile-network-policy.ts'
import { compilePolicy } from '../policy/compile-policy.ts'
import type { CompiledPolicy } from '../policy/compiled-policy.ts'
import { compileSelector } from '../policy/label-selector.ts'
import { createPolicyEngine, type Enforcement, type PolicyEngine, type PolicyWorld } from '../policy/policy-engine.ts'

export interface PolicyWatchOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly cluster: string
  readonly enforcement: Enforcement
  /** Called after each change of what policies say. */
  changed(): void
}

export interface PolicyWatch {
  readonly engine: PolicyEngine
  /** Resolves when every policy of now is in force. */
  readonly synced: Promise<void>
}

type Compiled = Map<string, readonly CompiledPolicy[]>

/** Follows the policies of the API into an engine. Services and CIDR groups are watched from the first policy on that names one. */
export function watchPolicies({ client, clock, log, signal, cluster, enforcement, changed }: PolicyWatchOptions): PolicyWatch {
  const watching = { clock, log, signal }
  const later = laterWorld(client, watching, () => engine.replace(engine.policies))
  const engine = createPolicyEngine(later.world, enforcement)
  const compiled: Compiled = new Map()
  let applied = false
  let waiting = false
  const apply = () => {
    waiting = false
    const policies = [...compiled.values()].flat()
    later.need(policies)
    engine.replace(policies)
    changed()
  }
  /** Once for a burst of changes. */
  const soon = () => {
    if (!applied || waiting) return
    waiting = true
    queueMicrotask(apply)
  }
  const follow = <T extends KubeObject>(kind: Kind<T>, compile: (object: T) => readonly CompiledPolicy[]): Informer<T> => {
    const started = informer(client, kind, watching)
    started.onChange(({ before, after }) => {
      const { namespace = '', name = '' } = (after ?? before)?.metadata ?? {}
      const key = `${kind.kind} ${namespace}/${name}`
      // A new status changes no rule.
      if (before !== undefined && after !== undefined && before.metadata.generation === after.metadata.generation && after.metadata.generation !== undefined) return
      if (after === undefined) compiled.delete(key)
      else compiled.set(key, compile(after))
      soon()
    })
    return started
  }
  const cilium = (policy: CiliumNetworkPolicy | CiliumClusterwideNetworkPolicy) => {
    const { policies, errors } = compilePolicy(policy, { cluster })
    const { namespace, name } = policy.metadata
    if (errors.length > 0) log.warn('a policy is not valid and not enforced', { kind: policy.kind, namespace, name, errors })
    if (policies.some(({ ofNodes }) => ofNodes)) log.warn('the host firewall is off: a policy with nodeSelector has no effect', { name })
    return policies
  }
  const informers = [
    follow(CiliumNetworkPolicy, cilium), follow(CiliumClusterwideNetworkPolicy, cilium), follow(NetworkPolicy, (policy) => [compileNetworkPolicy(policy)]),
  ]
  const synced = Promise.all(informers.map((each) => each.synced)).then(() => {
    applied = true
    apply()
  })
  synced.catch(() => {})
  return { engine, synced }
}

interface Watching { readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal }

/** Services and CIDR groups, watched only while it matters. */
function laterWorld(client: Client, watching: Watching, changed: () => void): { readonly world: PolicyWorld; need(policies: readonly CompiledPolicy[]): void } {
  let services: { readonly services: Informer<Service>; readonly slices: Informer<EndpointSlice> } | undefined
  let groups: Informer<CiliumCIDRGroup> | undefined
  const uses = (policies: readonly CompiledPolicy[], type: string) => policies.some(({ ingress, egress }) => [...ingress, ...egress].some(({ peers }) => peers?.some((peer) => peer.type === type)))
  return {
    need(policies) {
      if (services === undefined && uses(policies, 'service')) {
        services = { services: informer(client, Service, watching), slices: informer(client, EndpointSlice, { ...watching, transform: slim }) }
        for (const each of [services.services, services.slices]) each.onChange(changed)
      }
      if (groups === undefined && uses(policies, 'cidr-group')) {
        groups = informer(client, CiliumCIDRGroup, watching)
        groups.onChange(changed)
      }
    },
    world: {
      services: () => (services?.services.cache.list() ?? []).map(({ metadata, spec }) => ({
        namespace: metadata.namespace ?? '', name: metadata.name ?? '', labels: metadata.labels ?? {},
        ...(spec.selector === undefined ? {} : { selects: compileSelector({ matchLabels: Object.fromEntries(Object.entries(spec.selector).map(([key, value]) => [`k8s:${key}`, value])) } satisfies LabelSelector) }),
        addresses: (services?.slices.cache.list() ?? []).filter((s) => s.metadata.namespace === metadata.namespace && s.metadata.labels?.['kubernetes.io/service-name'] === metadata.name).flatMap((s) => (s.endpoints ?? []).flatMap((e) => e.addresses)),
      })),
      cidrGroups: () => (groups?.cache.list() ?? []).map(({ metadata, spec }) => ({ name: metadata.name ?? '', labels: metadata.labels ?? {}, blocks: (spec?.externalCIDRs ?? []).map((cidr) => compileCidr(cidr, { orAddress: true })) })),
    },
  }
}

function slim(object: KubeObject): KubeObject {
  return { ...metadataOnly(object), ...('endpoints' in object ? { endpoints: object['endpoints'] } : {}) } as KubeObject
}
