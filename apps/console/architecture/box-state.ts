import type { AnyObject } from '@idp/formats'
import { healthOf, isSimulated, objects, podsBehind, titleOf, words, type Health, type World } from '@idp/platform'
import { boxObjects } from './box-objects.ts'
import { findObjects } from './find-objects.ts'

/** What a box of a diagram shows of the live objects behind it. */
export interface BoxState {
  readonly health: Health
  /** A few words: `3/3 ready`, `Synced`, `2 endpoints`, `1/1 simulated`. */
  readonly says: string
  /** All pods behind it are simulated. */
  readonly simulated: boolean
  readonly missing: readonly string[]
}

const worst: readonly Health[] = ['unhealthy', 'progressing', 'healthy', 'neutral']

/** The state of every box of a diagram that has objects behind it, by node id. */
export function boxStates(diagram: string, world: World): Map<string, BoxState> {
  return new Map(Object.entries(boxObjects[diagram] ?? {}).map(([node, patterns]) => [node, boxState(patterns, world)]))
}

function boxState(patterns: readonly string[], world: World): BoxState {
  const { objects: found, missing } = findObjects(patterns, world)
  const seen = new Set<Health>(found.map((object) => healthOf(object, world)))
  if (missing.length > 0) seen.add('unhealthy')
  const pods = podsOf(found, world)
  const simulated = pods.length > 0 && pods.every(isSimulated)
  const says = missing.length > 0 && found.length === 0 ? 'missing' : sayOf(found, world, simulated ? 'simulated' : 'ready')
  return { health: worst.find((health) => seen.has(health)) ?? 'neutral', says, simulated, missing: missing.map(titleOf) }
}

const workloads = new Set(['Deployment', 'StatefulSet', 'DaemonSet'])
const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`
const number = (object: AnyObject, ...path: string[]): number => Number(words(object, ...path) || 0)

/** The pods of workloads and Services, and pods themselves. */
export function podsOf(found: readonly AnyObject[], world: World): readonly AnyObject[] {
  return found.flatMap((object) => {
    if (object.kind === 'Pod') return [object]
    if (object.kind === 'Service') return podsBehind(object, world)
    return workloads.has(object.kind) ? podsOfWorkload(object, world) : []
  })
}

/** The pods a workload controls, directly or through a ReplicaSet. */
function podsOfWorkload({ kind, metadata }: AnyObject, world: World): readonly AnyObject[] {
  const owners = kind === 'Deployment' ? world.list('ReplicaSet').filter((set) => set.metadata.namespace === metadata.namespace && set.metadata.ownerReferences?.some((o) => o.uid === metadata.uid)).map((set) => set.metadata.uid) : [metadata.uid]
  const ids = new Set(owners)
  return world.list('Pod').filter((pod) => pod.metadata.namespace === metadata.namespace && pod.metadata.ownerReferences?.some((o) => ids.has(o.uid)))
}

/** How objects of one kind are summed up. */
const sums: Readonly<Record<string, (all: readonly AnyObject[], world: World) => string>> = {
  Application: (all) => (all.length === 1 ? all.map((one) => `${words(one, 'status', 'sync', 'status')}, ${words(one, 'status', 'health', 'status')}`).join() : `${all.filter((one) => words(one, 'status', 'sync', 'status') === 'Synced' && words(one, 'status', 'health', 'status') === 'Healthy').length}/${all.length} healthy`),
  ApplicationSet: (all, world) => `${world.list('Application').filter((app) => app.metadata.ownerReferences?.some((o) => all.some((set) => set.metadata.uid === o.uid))).length} Applications`,
  Service: (all, world) => `${plural(all.flatMap((one) => world.list('EndpointSlice').filter((slice) => slice.metadata.namespace === one.metadata.namespace && slice.metadata.labels?.['kubernetes.io/service-name'] === one.metadata.name)).flatMap((slice) => objects(slice, 'endpoints')).length, 'endpoint')}`,
  HTTPRoute: (all, world) => (all.every((one) => healthOf(one, world) === 'healthy') ? 'accepted' : 'not accepted'),
  Gateway: (all) => `${all.flatMap((one) => objects(one, 'status', 'listeners')).reduce((sum, listener) => sum + Number(listener['attachedRoutes'] ?? 0), 0)} routes attached`,
  Secret: (all) => `${all.reduce((sum, one) => sum + Object.keys((one['data'] ?? {}) as object).length, 0)} keys`,
  Certificate: (all) => (all.length === 1 ? `valid to ${words(all[0], 'status', 'notAfter').slice(0, 10)}` : `${all.length} certificates`),
  Node: (all, world) => `${all.length === 1 ? '' : `${all.length} nodes, `}${world.list('Pod').filter((pod) => all.some((node) => node.metadata.name === words(pod, 'spec', 'nodeName'))).length} pods`,
  Pod: (all) => `${all.filter((pod) => words(pod, 'status', 'phase') === 'Running').length} running`,
  ExternalSecret: ready('synced'), SecretStore: ready('ready'), ClusterSecretStore: ready('ready'), ClusterIssuer: ready('ready'),
  VulnerabilityReport: (all) => `${all.length} reports, ${all.reduce((sum, one) => sum + number(one, 'report', 'summary', 'criticalCount'), 0)} critical`,
  ValidatingWebhookConfiguration: (all) => `${all.flatMap((one) => objects(one, 'webhooks')).length} webhooks`,
  MutatingWebhookConfiguration: (all) => `${all.flatMap((one) => objects(one, 'webhooks')).length} webhooks`,
  APIService: (all, world) => `${all.filter((one) => healthOf(one, world) === 'healthy').length}/${all.length} API groups`,
}

function ready(word: string): (all: readonly AnyObject[], world: World) => string {
  return (all, world) => `${all.filter((one) => healthOf(one, world) === 'healthy').length}/${all.length} ${word}`
}

function sayOf(found: readonly AnyObject[], world: World, word: string): string {
  const running = found.filter((object) => workloads.has(object.kind))
  if (running.length > 0) {
    const [up, wanted] = running.reduce(([a, b], one) => (one.kind === 'DaemonSet' ? [a + number(one, 'status', 'numberReady'), b + number(one, 'status', 'desiredNumberScheduled')] : [a + number(one, 'status', 'readyReplicas'), b + number(one, 'spec', 'replicas')]), [0, 0])
    return `${up}/${wanted} ${word}`
  }
  const kind = found[0]?.kind
  return kind === undefined ? 'none' : sums[kind]?.(found.filter((one) => one.kind === kind), world) ?? ''
}
