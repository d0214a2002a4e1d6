import { isApiError, Job, Pod, ReplicaSet, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import type { AnyObject, KubeObject } from '@idp/formats'
import { healthOf } from '../engine/health/health-of.ts'
import { objectKey } from '../engine/object-key.ts'
import type { Application, Health } from '../kinds/application.ts'

export interface TreeNode {
  readonly group?: string
  readonly version: string
  readonly kind: string
  readonly namespace?: string
  readonly name: string
  readonly uid: string
  readonly parentRefs?: readonly { readonly group?: string; readonly kind: string; readonly namespace?: string; readonly name: string; readonly uid: string }[]
  readonly images?: readonly string[]
  readonly info?: readonly { readonly name: string; readonly value: string }[]
  readonly health?: Health
  readonly createdAt?: string
}

export interface ResourceTree { readonly nodes: readonly TreeNode[]; readonly orphanedNodes: readonly TreeNode[] }

/** Kinds that workloads make. */
const madeKinds: readonly Kind[] = [ReplicaSet, Job, Pod]

/** What an Application is made of, and what those objects made in turn (by owner references). */
export async function resourceTree(app: Application, client: Client): Promise<ResourceTree> {
  const managed: AnyObject[] = []
  for (const { group = '', version = 'v1', kind, namespace, name } of app.status?.resources ?? []) {
    try {
      const found = await client.kindOf(group === '' ? version : `${group}/${version}`, kind)
      managed.push(await client.get(found, name, namespace === undefined ? {} : { namespace }))
    } catch (error) {
      // What is in Git but not (yet) in the cluster has no node.
      if (!isApiError(error, 'NotFound', 'Forbidden')) throw error
    }
  }
  const children = new Map<string, AnyObject[]>()
  const namespaces = new Set(managed.map((one) => one.metadata.namespace).filter((one) => one !== undefined))
  for (const namespace of namespaces) {
    for (const kind of madeKinds) {
      for (const object of (await client.list(kind as Kind<KubeObject>, { namespace })).items as AnyObject[]) {
        for (const owner of object.metadata.ownerReferences ?? []) children.set(owner.uid, [...(children.get(owner.uid) ?? []), object])
      }
    }
  }
  const nodes: TreeNode[] = []
  const visit = (object: AnyObject, parent: AnyObject | undefined): void => {
    nodes.push(nodeOf(object, parent))
    for (const child of children.get(object.metadata.uid ?? '') ?? []) visit(child, object)
  }
  for (const object of managed) visit(object, undefined)
  return { nodes, orphanedNodes: [] }
}

function nodeOf(object: AnyObject, parent: AnyObject | undefined): TreeNode {
  const { group, kind, namespace, name } = objectKey(object)
  const health = healthOf(object)
  const images = object.kind === 'Pod' ? ((object['spec'] as { containers?: { image?: string }[] }).containers ?? []).map((one) => one.image ?? '') : []
  const above = parent === undefined ? undefined : objectKey(parent)
  return {
    ...(group === '' ? {} : { group }), version: object.apiVersion.split('/').at(-1) ?? 'v1', kind, ...(namespace === '' ? {} : { namespace }), name, uid: object.metadata.uid ?? '',
    ...(above === undefined ? {} : { parentRefs: [{ group: above.group, kind: above.kind, namespace: above.namespace, name: above.name, uid: parent?.metadata.uid ?? '' }] }),
    ...(images.length === 0 ? {} : { images }), ...(health === undefined ? {} : { health }), ...(typeof object.metadata.creationTimestamp === 'string' ? { createdAt: object.metadata.creationTimestamp } : {}),
  }
}
