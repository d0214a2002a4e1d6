import { isApiError, PersistentVolumeClaim, Pod } from '@idp/api'
import { controllerReference, isControlledBy, type Controller } from '@idp/controller'
import { cloneJson } from '@idp/formats'

/** Makes the claims of generic ephemeral volumes; they go with their pod. */
export const ephemeralVolumeController: Controller<Pod> = {
  name: 'ephemeral-volume-controller',
  for: Pod, reads: [PersistentVolumeClaim],
  concerns: (_before, pod) => pod.spec.volumes?.some((volume) => volume.ephemeral !== undefined) === true,
  async reconcile(pod, { client, cache, event }) {
    const { namespace = '' } = pod.metadata
    if (pod.metadata.deletionTimestamp !== undefined) return
    for (const { name: volume, ephemeral } of pod.spec.volumes ?? []) {
      const template = ephemeral?.volumeClaimTemplate
      if (template === undefined) continue
      const name = `${pod.metadata.name}-${volume}`
      const found = cache(PersistentVolumeClaim).get(name, namespace)
      if (found !== undefined && !isControlledBy(found, pod)) {
        event(pod, 'Warning', 'EphemeralVolumeConflict', `PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`)
        continue
      }
      if (found !== undefined) continue
      const { labels, annotations } = template.metadata ?? {}
      try {
        await client.create(PersistentVolumeClaim, {
          apiVersion: 'v1', kind: 'PersistentVolumeClaim', spec: cloneJson(template.spec) as PersistentVolumeClaim['spec'],
          metadata: { name, namespace, ...(labels === undefined ? {} : { labels }), ...(annotations === undefined ? {} : { annotations }), ownerReferences: [controllerReference(Pod, pod)] },
        })
      } catch (error) {
        if (!isApiError(error, 'AlreadyExists')) throw error
      }
    }
  },
}
