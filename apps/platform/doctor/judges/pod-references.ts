import type { AnyObject } from '@idp/formats'
import type { Leaf, Ref } from '../diagnosis.ts'
import { objects, words } from '../field.ts'
import type { World } from '../world.ts'

/** What the pod's volumes and environment name and the cluster does not have (optional ones left out), and claims that are not bound. */
export function missingReferences(pod: AnyObject, world: World): readonly (Ref | Leaf)[] {
  const namespace = pod.metadata.namespace
  const found: Ref[] = []
  const needs = (kind: string, name: string, optional: string): void => {
    if (name === '' || optional === 'true' || !world.reads(kind)) return
    const ref = { kind, namespace, name }
    if (world.find(ref) === undefined && !found.some((other) => other.kind === kind && other.name === name)) found.push(ref)
  }
  for (const volume of objects(pod, 'spec', 'volumes')) {
    needs('Secret', words(volume, 'secret', 'secretName'), words(volume, 'secret', 'optional'))
    needs('ConfigMap', words(volume, 'configMap', 'name'), words(volume, 'configMap', 'optional'))
    for (const source of objects(volume, 'projected', 'sources')) {
      needs('Secret', words(source, 'secret', 'name'), words(source, 'secret', 'optional'))
      needs('ConfigMap', words(source, 'configMap', 'name'), words(source, 'configMap', 'optional'))
    }
    const claim = words(volume, 'persistentVolumeClaim', 'claimName')
    if (claim !== '' && world.reads('PersistentVolumeClaim')) found.push({ kind: 'PersistentVolumeClaim', namespace, name: claim })
  }
  for (const container of [...objects(pod, 'spec', 'initContainers'), ...objects(pod, 'spec', 'containers')]) {
    for (const variable of objects(container, 'env')) {
      needs('Secret', words(variable, 'valueFrom', 'secretKeyRef', 'name'), words(variable, 'valueFrom', 'secretKeyRef', 'optional'))
      needs('ConfigMap', words(variable, 'valueFrom', 'configMapKeyRef', 'name'), words(variable, 'valueFrom', 'configMapKeyRef', 'optional'))
    }
    for (const source of objects(container, 'envFrom')) {
      needs('Secret', words(source, 'secretRef', 'name'), words(source, 'secretRef', 'optional'))
      needs('ConfigMap', words(source, 'configMapRef', 'name'), words(source, 'configMapRef', 'optional'))
    }
  }
  return found
}
