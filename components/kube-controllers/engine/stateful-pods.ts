import { PersistentVolumeClaim, StatefulSet, type Pod } from '@idp/api'
import { cloneJson } from '@idp/formats'
import { controllerReference, isPodReady } from '@idp/controller'
import { podFromTemplate, revisionHashLabel, type PodTemplate } from './pod-from-template.ts'

export const podNameLabel = 'statefulset.kubernetes.io/pod-name'
const podIndexLabel = 'apps.kubernetes.io/pod-index'

/** The number at the end of a pod's name if the rest is the set's name; undefined for other pods. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const name = pod.metadata.name ?? ''
  const dash = name.lastIndexOf('-')
  const digits = name.slice(dash + 1)
  return name.slice(0, dash) === set.metadata.name && /^(0|[1-9]\d*)$/.test(digits) ? Number(digits) : undefined
}

export function isRunningAndReady(pod: Pod): boolean {
  return pod.status?.phase === 'Running' && isPodReady(pod)
}

export function claimName(set: StatefulSet, template: string, ordinal: number): string {
  return `${template}-${set.metadata.name}-${ordinal}`
}

/** The pod of one ordinal: stable name, host name, labels, and volumes bound to its own claims. */
export function statefulPod(set: StatefulSet, template: PodTemplate, revision: string, ordinal: number): Pod {
  const pod = podFromTemplate(template, StatefulSet, set, `${set.metadata.name}-${ordinal}`)
  pod.metadata.labels = { ...pod.metadata.labels, [podNameLabel]: pod.metadata.name ?? '', [podIndexLabel]: String(ordinal), [revisionHashLabel]: revision }
  pod.spec.hostname = pod.metadata.name ?? ''
  if (set.spec.serviceName) pod.spec.subdomain = set.spec.serviceName
  const claims = (set.spec.volumeClaimTemplates ?? []).map((claim) => claim.metadata?.name ?? '')
  if (claims.length > 0) {
    pod.spec.volumes = [
      ...claims.map((name) => ({ name, persistentVolumeClaim: { claimName: claimName(set, name, ordinal) } })),
      ...(pod.spec.volumes ?? []).filter((volume) => !claims.includes(volume.name)),
    ]
  }
  return pod
}

/** The claims of one ordinal, from the templates, labelled by the set's selector. */
export function statefulClaims(set: StatefulSet, ordinal: number): PersistentVolumeClaim[] {
  return (set.spec.volumeClaimTemplates ?? []).map((template) => {
    const draft = cloneJson(template) as PersistentVolumeClaim
    delete draft.status
    return {
      ...draft, apiVersion: 'v1', kind: 'PersistentVolumeClaim',
      metadata: {
        ...draft.metadata, name: claimName(set, template.metadata?.name ?? '', ordinal), ...(set.metadata.namespace === undefined ? {} : { namespace: set.metadata.namespace }),
        labels: { ...draft.metadata?.labels, ...set.spec.selector.matchLabels },
        ...(set.spec.persistentVolumeClaimRetentionPolicy?.whenDeleted === 'Delete' ? { ownerReferences: [controllerReference(StatefulSet, set)] } : {}),
      },
    }
  })
}

/** The ordinals a set should have, ascending. */
export function wantedOrdinals(set: StatefulSet): number[] {
  const start = set.spec.ordinals?.start ?? 0
  return Array.from({ length: set.spec.replicas ?? 1 }, (_, i) => start + i)
}

/** What a revision of a StatefulSet remembers. */
export function statefulRevisionData(set: StatefulSet): unknown {
  return { spec: { template: { ...cloneJson(set.spec.template), $patch: 'replace' } } }
}

/** The pod template a revision remembers. */
export function templateOfRevision(data: unknown): PodTemplate {
  const { $patch: _patch, ...template } = (data as { spec: { template: PodTemplate & { $patch?: string } } }).spec.template
  return template
}
