import type { AnyObject } from '@idp/formats'
import type { Ref } from './diagnosis.ts'
import { objects, words } from './field.ts'

/** What the doctor has seen, at one moment. Values of Secrets are not in it: only their keys. */
export interface World {
  list(kind: string): readonly AnyObject[]
  find(ref: Ref): AnyObject | undefined
  /** The kind is served and may be read: absence of an object means something. */
  reads(kind: string): boolean
  /** The last lines a crashed container wrote, redacted. */
  logOf(pod: AnyObject, container: string): readonly string[]
  /** What `/v1/sys/seal-status` of the Vault behind a Service or a pod says. */
  sealOf(namespace: string, name: string): SealStatus | undefined
  /** Messages of the warnings about an object, newest first. */
  warnings(ref: Ref, ...reasons: readonly string[]): readonly string[]
  /** Milliseconds since 1970, by the clock of this machine. */
  readonly now: number
}

export interface SealStatus { readonly initialized: boolean; readonly sealed: boolean; readonly unreachable?: string }

export interface WorldFacts {
  readonly objects: readonly AnyObject[]
  /** Kinds that were read; those of `objects` when absent. */
  readonly kinds?: readonly string[]
  /** By `namespace/pod/container`. */
  readonly logs?: Readonly<Record<string, readonly string[]>>
  /** By `namespace/name` of the pod. */
  readonly seals?: Readonly<Record<string, SealStatus>>
  readonly now: number
}

const keyOf = (kind: string, namespace: string | undefined, name: string | undefined): string => `${kind} ${namespace ?? ''}/${name ?? ''}`
const clusterWide = new Set(['Node', 'Namespace', 'ClusterIssuer', 'ClusterSecretStore', 'PersistentVolume', 'StorageClass', 'CustomResourceDefinition', 'ClusterPolicy', 'APIService', 'GatewayClass', 'ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration'])

/** Indexes the facts. */
export function worldOf({ objects: all, kinds, logs = {}, seals = {}, now }: WorldFacts): World {
  const byKind = Map.groupBy(all, (object) => object.kind)
  const byKey = new Map(all.map((object) => [keyOf(object.kind, object.metadata.namespace, object.metadata.name), object]))
  const known = new Set(kinds ?? byKind.keys())
  const events = Map.groupBy(byKind.get('Event') ?? [], (event) => keyOf(words(event, 'involvedObject', 'kind'), words(event, 'involvedObject', 'namespace'), words(event, 'involvedObject', 'name')))
  const when = (event: AnyObject): string => words(event, 'lastTimestamp') || words(event, 'eventTime') || (event.metadata.creationTimestamp ?? '')
  return {
    now,
    list: (kind) => byKind.get(kind) ?? [],
    find: ({ kind, namespace, name }) => byKey.get(keyOf(kind, clusterWide.has(kind) ? undefined : namespace, name)),
    reads: (kind) => known.has(kind),
    logOf: (pod, container) => logs[`${pod.metadata.namespace}/${pod.metadata.name}/${container}`] ?? [],
    sealOf: (namespace, name) => seals[`${namespace}/${name}`],
    warnings: ({ kind, namespace, name }, ...reasons) => (events.get(keyOf(kind, namespace, name)) ?? [])
      .filter((event) => words(event, 'type') === 'Warning' && (reasons.length === 0 || reasons.includes(words(event, 'reason'))))
      .toSorted((a, b) => when(b).localeCompare(when(a))).map((event) => words(event, 'message')),
  }
}

/** The pods a Service's selector chooses; none for one without a selector. */
export function podsBehind(service: AnyObject, world: World): readonly AnyObject[] {
  const selector = Object.entries((service as { spec?: { selector?: Record<string, string> } }).spec?.selector ?? {})
  if (selector.length === 0) return []
  return world.list('Pod').filter((pod) => pod.metadata.namespace === service.metadata.namespace && selector.every(([key, value]) => pod.metadata.labels?.[key] === value))
}

/** True when at least one endpoint of the Service is ready. */
export function hasEndpoints(service: AnyObject, world: World): boolean {
  return world.list('EndpointSlice').some((slice) => slice.metadata.namespace === service.metadata.namespace && slice.metadata.labels?.['kubernetes.io/service-name'] === service.metadata.name
    && objects(slice, 'endpoints').some((endpoint) => (endpoint['conditions'] as { ready?: boolean } | undefined)?.ready !== false))
}

/** The Service that a URL or a message means by `name.namespace.svc`. */
export function serviceIn(text: string): Ref | undefined {
  const found = /\b([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)\.([a-z0-9-]+)\.svc\b/.exec(text)
  return found?.[1] === undefined || found[2] === undefined ? undefined : { kind: 'Service', namespace: found[2], name: found[1] }
}
