import { objects, words, type World } from '@idp/platform'
import type { AnyObject } from '@idp/formats'
import type { Change } from './change.ts'

/** Where objects of a kind say when they last told something, the first that there is; otherwise when they were last written. */
const told: Readonly<Record<string, readonly (readonly string[])[]>> = {
  Application: [['status', 'operationState', 'finishedAt'], ['status', 'health', 'lastTransitionTime']], ExternalSecret: [['status', 'refreshTime']], VulnerabilityReport: [['report', 'updateTimestamp']],
  Event: [['lastTimestamp'], ['eventTime']], Workflow: [['status', 'finishedAt']],
}

/** Of these no more is told than that they were made. */
const made = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'HTTPRoute', 'Certificate', 'CertificateRequest'])
/** Of these a condition is told, with its own time: heartbeats and other writes came later. */
const conditions: Readonly<Record<string, string>> = { Pod: 'Ready', Node: 'Ready', Gateway: 'Programmed', SecretStore: 'Ready', ClusterSecretStore: 'Ready' }

/** Every object as the change that it was, oldest first: what still can be told of the time before the console was opened. */
export function pastChanges(world: World, kinds: readonly string[]): readonly Change[] {
  return kinds.flatMap((kind) => world.list(kind).flatMap((after): Change[] => (kind === 'Application' ? lastComparison(after) : [{ kind, before: undefined, after, at: timeOf(after) }]))).filter(({ at }) => Number.isFinite(at)).toSorted((a, b) => a.at - b.at)
}

/** An Application is compared with Git again and again: that it was is told apart from its last sync. */
function lastComparison(after: AnyObject): Change[] {
  const status = after['status'] as { reconciledAt?: string } | undefined
  const { reconciledAt = '', ...before } = status ?? {}
  const synced: AnyObject = { ...after, status: before }
  return [{ kind: 'Application', before: undefined, after: synced, at: timeOf(after) }, { kind: 'Application', before: synced, after, at: Date.parse(reconciledAt) }]
}

function timeOf(object: AnyObject): number {
  const own = (told[object.kind] ?? []).map((path) => words(object, ...path)).find((text) => text !== '')
  if (own !== undefined) return Date.parse(own)
  if (made.has(object.kind)) return Date.parse(object.metadata.creationTimestamp ?? '')
  if (object.kind in conditions) return Date.parse(words(objects(object, 'status', 'conditions').find((one) => one['type'] === conditions[object.kind]), 'lastTransitionTime') || (object.metadata.creationTimestamp ?? ''))
  const written = (object.metadata.managedFields ?? []).map(({ time = '' }) => time).toSorted().at(-1)
  return Date.parse(written || (object.metadata.creationTimestamp ?? ''))
}
