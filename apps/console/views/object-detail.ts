import type { AnyObject } from '@idp/formats'
import { healthOf, isSimulated, objects, oneLine, titleOf, words, type Health, type Ref, type World } from '@idp/platform'
import { podsOf } from '../architecture/box-state.ts'

export interface ConditionRow { readonly type: string; readonly status: string; readonly reason: string; readonly message: string; readonly at: string }
export interface EventRow { readonly at: string; readonly type: string; readonly reason: string; readonly message: string; readonly about: string; readonly count: number }

/** What a drawer shows of one live object. No value of a Secret or ConfigMap is in it: the console holds none. */
export interface ObjectDetail {
  readonly ref: Ref
  readonly there: boolean
  readonly health: Health
  readonly facts: readonly (readonly [name: string, value: string])[]
  readonly conditions: readonly ConditionRow[]
  readonly writers: readonly { readonly manager: string; readonly at: string; readonly what: string }[]
  readonly events: readonly EventRow[]
  readonly owners: readonly Ref[]
  /** Pods whose logs belong to it, with their containers. */
  readonly logs: readonly { readonly namespace: string; readonly pod: string; readonly containers: readonly string[] }[]
  readonly look: readonly string[]
}

/** The object as it is now. */
export function objectDetail(world: World, ref: Ref): ObjectDetail {
  const object = world.find(ref)
  const where = ref.namespace === undefined || ref.namespace === '' ? '' : ` -n ${ref.namespace}`
  const base = { ref, events: eventsOf(world, [ref]), look: [`kubectl describe ${ref.kind.toLowerCase()} ${ref.name}${where}`] }
  if (object === undefined) return { ...base, there: false, health: world.reads(ref.kind) ? 'unhealthy' : 'neutral', facts: [], conditions: [], writers: [], owners: [], logs: [] }
  const pods = podsOf([object], world)
  return {
    ...base, there: true, health: healthOf(object, world), facts: factsOf(object), conditions: conditionsOf(object),
    writers: (object.metadata.managedFields ?? []).map((entry) => ({ manager: entry.manager ?? '', at: entry.time ?? '', what: [entry.operation, entry.subresource].filter((word) => word !== undefined && word !== '').join(' ') })).toSorted((a, b) => b.at.localeCompare(a.at)),
    owners: (object.metadata.ownerReferences ?? []).map(({ kind, name }) => ({ kind, name, ...(object.metadata.namespace === undefined ? {} : { namespace: object.metadata.namespace }) })),
    logs: logsOf(pods),
  }
}

export function logsOf(pods: readonly AnyObject[]): ObjectDetail['logs'] {
  return pods.slice(0, 12).map((pod) => ({ namespace: pod.metadata.namespace ?? '', pod: pod.metadata.name ?? '', containers: objects(pod, 'spec', 'containers').map((one) => words(one, 'name')) }))
}

function conditionsOf(object: AnyObject): readonly ConditionRow[] {
  const parents = objects(object, 'status', 'parents').flatMap((parent) => objects(parent, 'conditions'))
  return [...objects(object, 'status', 'conditions'), ...parents].map((one) => ({ type: words(one, 'type'), status: words(one, 'status'), reason: words(one, 'reason'), message: oneLine(words(one, 'message'), 400), at: words(one, 'lastTransitionTime') }))
}

/** The last events about any of the objects, newest first. */
export function eventsOf(world: World, refs: readonly Ref[]): readonly EventRow[] {
  const wanted = new Set(refs.map(titleOf))
  const about = (event: AnyObject): string => titleOf({ kind: words(event, 'involvedObject', 'kind'), name: words(event, 'involvedObject', 'name'), namespace: words(event, 'involvedObject', 'namespace') })
  return world.list('Event').filter((event) => wanted.has(about(event)))
    .map((event) => ({ at: words(event, 'lastTimestamp') || words(event, 'eventTime') || (event.metadata.creationTimestamp ?? ''), type: words(event, 'type'), reason: words(event, 'reason'), message: oneLine(words(event, 'message'), 400), about: about(event), count: Number(words(event, 'count') || 1) }))
    .toSorted((a, b) => b.at.localeCompare(a.at)).slice(0, 25)
}

/** Words worth knowing, by kind: where to find them in the object. */
const facts: Readonly<Record<string, readonly (readonly [name: string, ...path: string[]])[]>> = {
  Pod: [['phase', 'status', 'phase'], ['node', 'spec', 'nodeName'], ['address', 'status', 'podIP'], ['service account', 'spec', 'serviceAccountName'], ['started', 'status', 'startTime']],
  Deployment: [['replicas', 'spec', 'replicas'], ['ready', 'status', 'readyReplicas'], ['updated', 'status', 'updatedReplicas']], StatefulSet: [['replicas', 'spec', 'replicas'], ['ready', 'status', 'readyReplicas'], ['revision', 'status', 'updateRevision']],
  DaemonSet: [['wanted', 'status', 'desiredNumberScheduled'], ['ready', 'status', 'numberReady']], Service: [['type', 'spec', 'type'], ['address', 'spec', 'clusterIP']], Secret: [['type', 'type']],
  Application: [['sync', 'status', 'sync', 'status'], ['health', 'status', 'health', 'status'], ['commit', 'status', 'sync', 'revision'], ['path', 'spec', 'source', 'path']],
  ExternalSecret: [['store', 'spec', 'secretStoreRef', 'name'], ['refreshed', 'status', 'refreshTime'], ['every', 'spec', 'refreshInterval'], ['into Secret', 'status', 'binding', 'name']],
  Certificate: [['into Secret', 'spec', 'secretName'], ['issuer', 'spec', 'issuerRef', 'name'], ['valid to', 'status', 'notAfter'], ['renewed at', 'status', 'renewalTime'], ['revision', 'status', 'revision']],
  Node: [['version', 'status', 'nodeInfo', 'kubeletVersion'], ['system', 'status', 'nodeInfo', 'osImage'], ['kernel', 'status', 'nodeInfo', 'kernelVersion']], HTTPRoute: [['host', 'spec', 'hostnames', '0']],
  VulnerabilityReport: [['image', 'report', 'artifact', 'repository'], ['critical', 'report', 'summary', 'criticalCount'], ['high', 'report', 'summary', 'highCount'], ['medium', 'report', 'summary', 'mediumCount']],
}

function factsOf(object: AnyObject): ObjectDetail['facts'] {
  const { metadata } = object
  const keys = ['Secret', 'ConfigMap'].includes(object.kind) ? Object.keys((object['data'] ?? {}) as object) : []
  const images = objects(object, 'spec', 'containers').concat(objects(object, 'spec', 'template', 'spec', 'containers')).map((one) => words(one, 'image'))
  const standIn = metadata.annotations?.['idp.dev/stand-in']
  const found: (readonly [string, string])[] = [
    ...(facts[object.kind] ?? []).map(([name, ...path]) => [name, words(object, ...path.map((step) => (/^\d+$/.test(step) ? Number(step) : step)))] as const),
    ['image', [...new Set(images)].join(', ')], ['keys', keys.length === 0 ? '' : `${keys.join(', ')} (values are never read into the console)`],
    ['stand-in', isSimulated(object) ? 'simulated: it answers and logs, but no program does the image’s work' : standIn === 'program' ? 'a program of idp runs in place of the image' : standIn ?? ''],
    ['created', metadata.creationTimestamp ?? ''], ['chart', metadata.labels?.['helm.sh/chart'] ?? ''], ['tracked by', metadata.annotations?.['argocd.argoproj.io/tracking-id']?.split(':')[0] ?? ''],
  ]
  return found.filter(([, value]) => value !== '')
}
