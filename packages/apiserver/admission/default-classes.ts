import type { PersistentVolumeClaim, StorageClass, Ingress, IngressClass } from '@idp/api'
import type { KubeObject } from '@idp/formats'
import type { ServerContext } from '../server-context.ts'
import type { AdmissionPlugin } from './admission.ts'
import { creates } from './deny.ts'

/** Claims and Ingresses that name no class get the one marked as default; the newest, if several are. */
export function defaultClasses({ storage, registry }: Pick<ServerContext, 'storage' | 'registry'>): AdmissionPlugin {
  const defaultOf = <T extends KubeObject>(group: string, plural: string, annotation: string): T | undefined => {
    const resource = registry.find(group, 'v1', plural)
    const marked = resource === undefined ? [] : storage.list(resource).filter((item) => item.metadata.annotations?.[annotation] === 'true')
    return marked.sort((a, b) => ((a.metadata.creationTimestamp ?? '') > (b.metadata.creationTimestamp ?? '') ? -1 : 1))[0] as unknown as T | undefined
  }
  return {
    name: 'DefaultStorageClass',
    mayChange: (request) => creates(request, '', 'persistentvolumeclaims') || creates(request, 'networking.k8s.io', 'ingresses'),
    mutate(request) {
      if (creates(request, '', 'persistentvolumeclaims')) {
        const { spec, metadata } = request.object as unknown as PersistentVolumeClaim
        if (spec.storageClassName !== undefined || metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] !== undefined) return
        const found = defaultOf<StorageClass>('storage.k8s.io', 'storageclasses', 'storageclass.kubernetes.io/is-default-class')
        if (found?.metadata.name !== undefined) spec.storageClassName = found.metadata.name
      }
      if (creates(request, 'networking.k8s.io', 'ingresses')) {
        const { spec, metadata } = request.object as unknown as Ingress
        if (spec.ingressClassName !== undefined || metadata.annotations?.['kubernetes.io/ingress.class'] !== undefined) return
        const found = defaultOf<IngressClass>('networking.k8s.io', 'ingressclasses', 'ingressclass.kubernetes.io/is-default-class')
        if (found?.metadata.name !== undefined) spec.ingressClassName = found.metadata.name
      }
    },
  }
}
