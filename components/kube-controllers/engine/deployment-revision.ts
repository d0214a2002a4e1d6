import type { Deployment, ReplicaSet } from '@idp/api'
import { deepEqual } from '@idp/formats'

export const revisionAnnotation = 'deployment.kubernetes.io/revision'
const historyAnnotation = 'deployment.kubernetes.io/revision-history'
const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas'
const maxAnnotation = 'deployment.kubernetes.io/max-replicas'
export const hashLabel = 'pod-template-hash'

/** Annotations that belong to one object and are not handed down from the Deployment. */
const own = new Set([
  'kubectl.kubernetes.io/last-applied-configuration', revisionAnnotation, historyAnnotation, desiredAnnotation, maxAnnotation, 'deprecated.deployment.rollback.to',
])

export function revisionOf(object: { metadata: { annotations?: Record<string, string> } }): number {
  return Number(object.metadata.annotations?.[revisionAnnotation] ?? 0) || 0
}

/** What the set's size was chosen for, from its annotations. */
export function sizedFor(set: ReplicaSet): { readonly desired: number | undefined; readonly max: number | undefined } {
  const read = (key: string) => {
    const text = set.metadata.annotations?.[key]
    return text === undefined || Number.isNaN(Number(text)) ? undefined : Number(text)
  }
  return { desired: read(desiredAnnotation), max: read(maxAnnotation) }
}

/** The annotations that record what the set's size was chosen for. */
export function sizeAnnotations(replicas: number, maxSurge: number): Record<string, string> {
  return { [desiredAnnotation]: String(replicas), [maxAnnotation]: String(replicas + maxSurge) }
}

/** The annotations of the newest set: the Deployment's, its revision, and the revisions it had before a rollback came back to it. */
export function newSetAnnotations(deployment: Deployment, set: ReplicaSet | undefined, revision: number): Record<string, string> {
  const annotations: Record<string, string> = { ...set?.metadata.annotations }
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) if (!own.has(key)) annotations[key] = value
  const before = set === undefined ? 0 : revisionOf(set)
  if (before >= revision) return annotations
  annotations[revisionAnnotation] = String(revision)
  if (before > 0) {
    const history = annotations[historyAnnotation]
    annotations[historyAnnotation] = history === undefined ? String(before) : [...history.split(',').filter((r) => r !== String(before)), before].join(',')
  }
  return annotations
}

/** The newest set (same template, apart from the hash) and the others, both oldest first. */
export function splitSets(deployment: Deployment, sets: readonly ReplicaSet[]): { readonly newSet: ReplicaSet | undefined; readonly oldSets: readonly ReplicaSet[] } {
  const sorted = [...sets].sort(byAge)
  const newSet = sorted.find((set) => sameTemplate(set, deployment))
  return { newSet, oldSets: sorted.filter((set) => set.metadata.uid !== newSet?.metadata.uid) }
}

export function byAge(a: ReplicaSet, b: ReplicaSet): number {
  const left = a.metadata.creationTimestamp ?? ''
  const right = b.metadata.creationTimestamp ?? ''
  if (left !== right) return left < right ? -1 : 1
  return (a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1
}

/** True when the set runs the Deployment's pod template. */
export function sameTemplate(set: ReplicaSet, deployment: Deployment): boolean {
  return deepEqual(withoutHash(set.spec.template), withoutHash(deployment.spec.template))
}

function withoutHash(template: ReplicaSet['spec']['template']): unknown {
  const { [hashLabel]: _hash, ...labels } = template?.metadata?.labels ?? {}
  const { creationTimestamp: _always, ...metadata } = template?.metadata ?? {}
  return { ...template, metadata: { ...metadata, labels } }
}
