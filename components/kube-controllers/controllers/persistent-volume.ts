import { PersistentVolume, PersistentVolumeClaim } from '@idp/api'
import { watch, type Controller, type Outcome } from '@idp/controller'
import { provisionedBy } from '../engine/volume-match.ts'

/** Keeps the phase of volumes: Available, Bound, Released, Failed. */
export const volumeController: Controller<PersistentVolume> = {
  name: 'persistentvolume-binder',
  for: PersistentVolume,
  watches: [watch(PersistentVolumeClaim, (claim) => ((claim.spec.volumeName ?? '') === '' ? [] : [{ name: claim.spec.volumeName ?? '' }]))],
  async reconcile(volume, scope): Promise<Outcome | void> {
    const phase = (next: string, message?: string): Outcome => ({ status: { ...withoutMessage(volume), phase: next, ...(message === undefined ? {} : { message }) } })
    const { claimRef, persistentVolumeReclaimPolicy } = volume.spec
    if (!claimRef?.uid) return phase('Available')
    const claim = scope.cache(PersistentVolumeClaim).get(claimRef.name ?? '', claimRef.namespace)
    if (claim?.metadata.uid === claimRef.uid) return phase('Bound')
    if (persistentVolumeReclaimPolicy !== 'Delete' || volume.metadata.annotations?.[provisionedBy] !== undefined) return phase('Released')
    scope.event(volume, 'Warning', 'VolumeFailedDelete', 'no deleter for the volume was found: only volumes of a provisioner are deleted')
    return phase('Failed', 'error getting deleter volume plugin for volume: no volume plugin matched')
  },
}

function withoutMessage({ status }: PersistentVolume): Record<string, unknown> {
  const { message: _message, ...rest } = status ?? {}
  return rest
}
