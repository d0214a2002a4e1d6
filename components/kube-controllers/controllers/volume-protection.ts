import { PersistentVolume, PersistentVolumeClaim, Pod } from '@idp/api'
import { isPodTerminal, watch, type Controller, type Index, type Key } from '@idp/controller'

/** Pods by the claims they use, as `namespace/claim`. */
export const podsByClaim: Index<Pod> = {
  name: 'pods by claim',
  of: (pod) => (pod.spec.volumes ?? []).flatMap((volume) => {
    const claim = volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral === undefined ? undefined : `${pod.metadata.name}-${volume.name}`)
    return claim === undefined ? [] : [`${pod.metadata.namespace}/${claim}`]
  }),
}

function claimsOfPod(pod: Pod): Key[] {
  return [...podsByClaim.of(pod)].map((text) => ({ namespace: text.slice(0, text.indexOf('/')), name: text.slice(text.indexOf('/') + 1) }))
}

/** Keeps a claim that is being deleted until no pod uses it. */
export const claimProtectionController: Controller<PersistentVolumeClaim> = {
  name: 'persistentvolumeclaim-protection-controller',
  for: PersistentVolumeClaim, watches: [watch(Pod, claimsOfPod)],
  finalizer: 'kubernetes.io/pvc-protection',
  async reconcile() {},
  async finalize(claim, { cache }) {
    const users = cache(Pod).by(podsByClaim, `${claim.metadata.namespace}/${claim.metadata.name}`)
    // A pod that was never placed does not use the claim yet.
    return { done: users.every((pod) => isPodTerminal(pod) || !pod.spec.nodeName) }
  },
}

/** Keeps a volume that is being deleted until its claim has gone. */
export const volumeProtectionController: Controller<PersistentVolume> = {
  name: 'persistentvolume-protection-controller',
  for: PersistentVolume, reads: [PersistentVolumeClaim],
  watches: [watch(PersistentVolumeClaim, (claim) => ((claim.spec.volumeName ?? '') === '' ? [] : [{ name: claim.spec.volumeName ?? '' }]))],
  finalizer: 'kubernetes.io/pv-protection',
  async reconcile() {},
  async finalize(volume, { cache }) {
    const { claimRef } = volume.spec
    const claim = claimRef === undefined ? undefined : cache(PersistentVolumeClaim).get(claimRef.name ?? '', claimRef.namespace)
    return { done: claim === undefined || claim.metadata.uid !== claimRef?.uid }
  },
}
