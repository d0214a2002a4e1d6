import type { Pod } from '@idp/api'
import { containersOf } from './pod-spec.ts'

/** Names of the ConfigMaps, Secrets and claims that a pod refers to, of all three kinds together. */
export function podReferences(pod: Pod): ReadonlySet<string> {
  const names = new Set<string>()
  const add = (name: string | undefined) => {
    if (name !== undefined) names.add(name)
  }
  for (const volume of pod.spec.volumes ?? []) {
    add(volume.configMap?.name)
    add(volume.secret?.secretName)
    add(volume.persistentVolumeClaim?.claimName)
    if (volume.ephemeral !== undefined) add(`${pod.metadata.name}-${volume.name}`)
    for (const source of volume.projected?.sources ?? []) {
      add(source.configMap?.name)
      add(source.secret?.name)
    }
  }
  for (const { spec } of containersOf(pod)) {
    for (const from of spec.envFrom ?? []) {
      add(from.configMapRef?.name)
      add(from.secretRef?.name)
    }
    for (const { valueFrom } of spec.env ?? []) {
      add(valueFrom?.configMapKeyRef?.name)
      add(valueFrom?.secretKeyRef?.name)
    }
  }
  return names
}
