import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from '@idp/api'
import { matchesNodeSelectorTerm } from '@idp/controller'
import { parseQuantity, compareQuantities, matchesLabelSelector } from '@idp/formats'
import { misfit, type Filter, type Misfit } from '../plugin.ts'

/** What is known of volumes. */
export interface Volumes {
  claim(name: string, namespace: string): PersistentVolumeClaim | undefined
  volume(name: string): PersistentVolume | undefined
  volumes(): readonly PersistentVolume[]
  storageClass(name: string): StorageClass | undefined
}

const name = 'VolumeBinding'
const affinityConflict = misfit(name, 'node(s) had volume node affinity conflict', true)
const noVolume = misfit(name, "node(s) didn't find available persistent volumes to bind", true)

/** The claims of a pod: those it names, and those of its ephemeral volumes. */
export function claimNames(pod: Pod): string[] {
  return (pod.spec.volumes ?? []).flatMap((volume) => (
    volume.persistentVolumeClaim !== undefined ? [volume.persistentVolumeClaim.claimName]
      : volume.ephemeral !== undefined ? [`${pod.metadata.name}-${volume.name}`] : []))
}

export function isBound(claim: PersistentVolumeClaim): boolean {
  return (claim.spec.volumeName ?? '') !== '' && claim.metadata.annotations?.['pv.kubernetes.io/bind-completed'] !== undefined
}

/** Volumes that are bound must be reachable from the node; those that wait for a pod must be possible there. */
export function volumeBinding(volumes: Volumes): Filter {
  return {
    name,
    prepare(pod) {
      const bound: PersistentVolume[] = []
      const waiting: PersistentVolumeClaim[] = []
      for (const claimName of claimNames(pod)) {
        const claim = volumes.claim(claimName, pod.metadata.namespace ?? '')
        const problem = sortClaim(claim, claimName, volumes, bound, waiting)
        if (problem !== undefined) return problem
      }
      if (bound.length === 0 && waiting.length === 0) return undefined
      return ({ node }) => {
        if (node === undefined) return affinityConflict
        if (!bound.every((volume) => reaches(volume, node))) return affinityConflict
        return waiting.every((claim) => isPossible(claim, node, volumes)) ? undefined : noVolume
      }
    },
  }
}

/** Puts a claim where it belongs, or says why no node will do. */
function sortClaim(claim: PersistentVolumeClaim | undefined, claimName: string, volumes: Volumes, bound: PersistentVolume[], waiting: PersistentVolumeClaim[]): Misfit | undefined {
  if (claim === undefined) return misfit(name, `persistentvolumeclaim "${claimName}" not found`, true)
  if (claim.metadata.deletionTimestamp !== undefined) return misfit(name, `persistentvolumeclaim "${claimName}" is being deleted`, true)
  if (claim.status?.phase === 'Lost') return misfit(name, `persistentvolumeclaim "${claimName}" bound to non-existent persistentvolume "${claim.spec.volumeName ?? ''}"`, true)
  if (isBound(claim)) {
    const volume = volumes.volume(claim.spec.volumeName ?? '')
    if (volume === undefined) return misfit(name, `persistentvolume "${claim.spec.volumeName}" not found`, true)
    bound.push(volume)
    return undefined
  }
  const waits = volumes.storageClass(claim.spec.storageClassName ?? '')?.volumeBindingMode === 'WaitForFirstConsumer'
  if (!waits || (claim.spec.volumeName ?? '') !== '') return misfit(name, 'pod has unbound immediate PersistentVolumeClaims', true)
  waiting.push(claim)
  return undefined
}

function reaches(volume: PersistentVolume, node: Node): boolean {
  const required = volume.spec.nodeAffinity?.required
  return required === undefined || required.nodeSelectorTerms.some((term) => matchesNodeSelectorTerm(term, node))
}

function isPossible(claim: PersistentVolumeClaim, node: Node, volumes: Volumes): boolean {
  const storageClass = volumes.storageClass(claim.spec.storageClassName ?? '')
  if (volumes.volumes().some((volume) => reaches(volume, node) && volumeSuits(volume, claim))) return true
  if (storageClass === undefined || storageClass.provisioner === 'kubernetes.io/no-provisioner') return false
  const topologies = storageClass.allowedTopologies ?? []
  return topologies.length === 0 || topologies.some(({ matchLabelExpressions = [] }) => matchLabelExpressions.every(({ key, values }) => values.includes(node.metadata.labels?.[key] ?? '')))
}

/** True when an unbound claim could be bound to a free volume. */
export function volumeSuits(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { spec } = volume
  const reserved = spec.claimRef
  if (reserved !== undefined && (reserved.name !== claim.metadata.name || reserved.namespace !== claim.metadata.namespace)) return false
  if (volume.metadata.deletionTimestamp !== undefined || (reserved === undefined && volume.status?.phase !== 'Available')) return false
  if ((spec.storageClassName ?? '') !== (claim.spec.storageClassName ?? '') || (spec.volumeMode ?? 'Filesystem') !== (claim.spec.volumeMode ?? 'Filesystem')) return false
  if (!(claim.spec.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode))) return false
  if (claim.spec.selector !== undefined && !matchesLabelSelector(claim.spec.selector, volume.metadata.labels ?? {})) return false
  return compareQuantities(parseQuantity(spec.capacity?.['storage'] ?? '0'), parseQuantity(claim.spec.resources?.requests?.['storage'] ?? '0')) >= 0
}
