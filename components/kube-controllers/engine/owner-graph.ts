import type { Kind } from '@idp/api'
import type { KubeObject, OwnerReference } from '@idp/formats'

export const foregroundFinalizer = 'foregroundDeletion'
export const orphanFinalizer = 'orphan'

/** An object as garbage collection sees it. */
export interface GraphNode {
  readonly uid: string
  readonly kind: Kind
  object: KubeObject
}

/** Who owns whom, by uid. Dependents are known even of owners that have not been seen (yet, or any more). */
export interface OwnerGraph {
  get(uid: string): GraphNode | undefined
  /** Adds or replaces an object; returns the owner references that are new. */
  put(kind: Kind, object: KubeObject): readonly OwnerReference[]
  remove(uid: string): GraphNode | undefined
  dependents(uid: string): readonly GraphNode[]
}

export function createOwnerGraph(): OwnerGraph {
  const nodes = new Map<string, GraphNode>()
  const children = new Map<string, Set<string>>()
  const unlink = (owner: string, child: string) => {
    const set = children.get(owner)
    if (set?.delete(child) && set.size === 0) children.delete(owner)
  }
  return {
    get: (uid) => nodes.get(uid),
    put(kind, object) {
      const uid = object.metadata.uid ?? ''
      const known = nodes.get(uid)
      const before = new Set((known?.object.metadata.ownerReferences ?? []).map((reference) => reference.uid))
      const after = object.metadata.ownerReferences ?? []
      for (const owner of before) if (!after.some((reference) => reference.uid === owner)) unlink(owner, uid)
      for (const { uid: owner } of after) {
        let set = children.get(owner)
        if (set === undefined) children.set(owner, (set = new Set()))
        set.add(uid)
      }
      if (known === undefined) nodes.set(uid, { uid, kind, object })
      else known.object = object
      return after.filter((reference) => !before.has(reference.uid))
    },
    remove(uid) {
      const known = nodes.get(uid)
      if (known === undefined) return undefined
      nodes.delete(uid)
      for (const reference of known.object.metadata.ownerReferences ?? []) unlink(reference.uid, uid)
      return known
    },
    dependents: (uid) => [...(children.get(uid) ?? [])].map((child) => nodes.get(child)).filter((node) => node !== undefined),
  }
}

export const isDeleting = ({ object }: GraphNode): boolean => object.metadata.deletionTimestamp !== undefined
export const deletesDependents = (node: GraphNode): boolean => isDeleting(node) && (node.object.metadata.finalizers ?? []).includes(foregroundFinalizer)
export const orphansDependents = (node: GraphNode): boolean => isDeleting(node) && (node.object.metadata.finalizers ?? []).includes(orphanFinalizer)
