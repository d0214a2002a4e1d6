import type { KubeObject, OwnerReference } from '@idp/formats'

/** The reference by which `owner` controls what it makes: garbage collection follows it, and its deletion in the foreground waits for it. */
export function controllerReference(owner: KubeObject): OwnerReference {
  return { ...ownerReference(owner), controller: true, blockOwnerDeletion: true }
}

/** A plain reference to an owner that does not control the object. */
export function ownerReference({ apiVersion, kind, metadata: { name = '', uid = '' } }: KubeObject): OwnerReference {
  return { apiVersion, kind, name, uid }
}

/** The reference to the one owner that controls the object. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find(({ controller }) => controller === true)
}

/** True when `owner` controls the object. */
export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid
}
