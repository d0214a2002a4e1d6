import type { Kind, Pod, ReplicaSet } from '@idp/api'
import { controllerReference } from '@idp/controller'
import { cloneJson, type KubeObject } from '@idp/formats'

/** The label that names the revision a pod was made from. */
export const revisionHashLabel = 'controller-revision-hash'

export type PodTemplate = NonNullable<ReplicaSet['spec']['template']>

/** A pod made from a template for `owner`; its name is left to the server (`prefix-`) or given. */
export function podFromTemplate(template: PodTemplate, ownerKind: Kind, owner: KubeObject, name?: string): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {}
  return {
    apiVersion: 'v1', kind: 'Pod',
    metadata: {
      ...(name === undefined ? { generateName: `${generatePrefix(owner.metadata.name ?? '')}-` } : { name }),
      ...(owner.metadata.namespace === undefined ? {} : { namespace: owner.metadata.namespace }),
      labels: { ...labels }, ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
      ...(finalizers === undefined ? {} : { finalizers: [...finalizers] }),
      ownerReferences: [controllerReference(ownerKind, owner)],
    },
    spec: cloneJson(template.spec ?? { containers: [] }) as Pod['spec'],
  }
}

/** The server adds a suffix and cuts the prefix so that both fit into 63 characters. */
function generatePrefix(name: string): string {
  return name.slice(0, 57)
}
