import { parseApiVersion } from '@idp/api'
import type { KubeObject } from '@idp/formats'

/** Names one object of the cluster without its version. `namespace` is '' for cluster-scoped kinds. */
export interface ObjectKey { readonly group: string; readonly kind: string; readonly namespace: string; readonly name: string }

export function objectKey(object: KubeObject): ObjectKey {
  return { group: parseApiVersion(object.apiVersion).group, kind: object.kind, namespace: object.metadata.namespace ?? '', name: object.metadata.name ?? '' }
}

/** `group/Kind/namespace/name`, the form used for maps and in messages to the user. */
export function keyText({ group, kind, namespace, name }: ObjectKey): string {
  return `${group}/${kind}/${namespace}/${name}`
}
