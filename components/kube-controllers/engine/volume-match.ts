import type { Node, PersistentVolume, PersistentVolumeClaim } from '@idp/api'
import { matchesNodeSelectorTerm } from '@idp/controller'
import { compareQuantities, matchesLabelSelector, parseQuantity } from '@idp/formats'

export const bindCompleted = 'pv.kubernetes.io/bind-completed'
export const boundByController = 'pv.kubernetes.io/bound-by-controller'
export const provisionedBy = 'pv.kubernetes.io/provisioned-by'
export const selectedNode = 'volume.kubernetes.io/selected-node'
export const storageProvisioner = 'volume.kubernetes.io/storage-provisioner'
export const betaStorageProvisioner = 'volume.beta.kubernetes.io/storage-provisioner'

const size = (volume: PersistentVolume) => parseQuantity(volume.spec.capacity?.['storage'] ?? '0')

/** True when the volume is meant for the claim, by name and (where it says so) by uid. */
export function isReservedFor(volume: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const { claimRef } = volume.spec
  return claimRef !== undefined && claimRef.name === metadata.name && claimRef.namespace === metadata.namespace && (!claimRef.uid || claimRef.uid === metadata.uid)
}

/** True when the volume gives what the claim asks for; whom it is reserved for does not matter here. */
export function satisfies(volume: PersistentVolume, claim: PersistentVolumeClaim, node: Node | undefined): boolean {
  const { spec } = volume
  if ((spec.storageClassName ?? '') !== (claim.spec.storageClassName ?? '') || (spec.volumeMode ?? 'Filesystem') !== (claim.spec.volumeMode ?? 'Filesystem')) return false
  if (!(claim.spec.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode))) return false
  if (claim.spec.selector !== undefined && !matchesLabelSelector(claim.spec.selector, volume.metadata.labels ?? {})) return false
  const required = spec.nodeAffinity?.required
  if (node !== undefined && required !== undefined && !required.nodeSelectorTerms.some((term) => matchesNodeSelectorTerm(term, node))) return false
  return compareQuantities(size(volume), parseQuantity(claim.spec.resources?.requests?.['storage'] ?? '0')) >= 0
}

/** The volume to bind: one reserved for the claim, or the smallest that is free and suits. */
export function bestVolume(volumes: readonly PersistentVolume[], claim: PersistentVolumeClaim, node: Node | undefined): PersistentVolume | undefined {
  const live = volumes.filter((volume) => volume.metadata.deletionTimestamp === undefined)
  const reserved = live.find((volume) => isReservedFor(volume, claim) && satisfies(volume, claim, node))
  if (reserved !== undefined) return reserved
  return live.filter((volume) => volume.spec.claimRef === undefined && volume.status?.phase === 'Available' && satisfies(volume, claim, node))
    .sort((a, b) => compareQuantities(size(a), size(b)) || ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))[0]
}
