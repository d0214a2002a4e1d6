import { isApiError, type Kind } from '@idp/api'
import type { Scope } from '@idp/controller'
import type { OwnerReference } from '@idp/formats'
import { deletesDependents, foregroundFinalizer, isDeleting, orphanFinalizer, type GraphNode, type OwnerGraph } from '../engine/owner-graph.ts'

export interface Collection {
  readonly scope: Scope
  readonly graph: OwnerGraph
  /** uids of owners (with the namespace they were looked for in) that the server has said do not exist. */
  readonly absent: Set<string>
}

/** Decides on one object by its owners; returns uids of objects to look at next. */
export async function attemptToDelete(node: GraphNode, collection: Collection): Promise<readonly string[]> {
  if (deletesDependents(node)) return waitForDependents(node, collection)
  if (isDeleting(node)) return []
  const references = node.object.metadata.ownerReferences ?? []
  if (references.length === 0) return []
  const solid: OwnerReference[] = []
  const waiting: OwnerReference[] = []
  for (const reference of references) {
    const standing = await standingOf(reference, node, collection)
    if (standing === 'solid') solid.push(reference)
    if (standing === 'waiting') waiting.push(reference)
  }
  if (solid.length === references.length) return []
  if (solid.length > 0) {
    await patchMetadata(node, { ownerReferences: solid as never }, collection)
    return waiting.map(({ uid }) => uid)
  }
  const dependents = collection.graph.dependents(node.uid)
  if (waiting.length > 0 && dependents.length > 0) {
    // Two that wait for each other would wait for ever: a dependent that is deleting its own dependents lets us go.
    if (dependents.some(deletesDependents)) await unblock(node, collection)
    await remove(node, 'Foreground', collection)
    return []
  }
  const finalizers = node.object.metadata.finalizers ?? []
  await remove(node, finalizers.includes(orphanFinalizer) ? 'Orphan' : finalizers.includes(foregroundFinalizer) ? 'Foreground' : 'Background', collection)
  return waiting.map(({ uid }) => uid)
}

/** Takes this owner away from all its dependents, then lets it go. */
export async function orphanDependents(node: GraphNode, collection: Collection): Promise<readonly string[]> {
  for (const dependent of collection.graph.dependents(node.uid)) {
    const left = (dependent.object.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== node.uid)
    await patchMetadata(dependent, { ownerReferences: left as never }, collection)
  }
  await removeFinalizer(node, orphanFinalizer, collection)
  return []
}

async function waitForDependents(node: GraphNode, collection: Collection): Promise<readonly string[]> {
  const blocking = collection.graph.dependents(node.uid)
    .filter(({ object }) => object.metadata.ownerReferences?.some(({ uid, blockOwnerDeletion }) => uid === node.uid && blockOwnerDeletion === true))
  if (blocking.length === 0) {
    await removeFinalizer(node, foregroundFinalizer, collection)
    return []
  }
  return blocking.filter((dependent) => !isDeleting(dependent)).map(({ uid }) => uid)
}

/** `solid`: the owner stands. `waiting`: it is being deleted and waits for its dependents. `dangling`: it does not exist. */
async function standingOf(reference: OwnerReference, node: GraphNode, { scope, graph, absent }: Collection): Promise<'solid' | 'waiting' | 'dangling'> {
  const { namespace } = node.object.metadata
  const owner = graph.get(reference.uid)
  if (owner !== undefined && fits(reference, owner, namespace)) return deletesDependents(owner) && reference.blockOwnerDeletion === true ? 'waiting' : 'solid'
  const key = `${namespace ?? ''}/${reference.uid}`
  if (absent.has(key)) return 'dangling'
  // A kind that is not served tells nothing about its objects: this throws, and is tried again.
  const kind = await scope.client.kindOf(reference.apiVersion, reference.kind)
  if (kind.scope === 'Namespaced' && namespace === undefined) {
    scope.event(node.object, 'Warning', 'OwnerRefInvalidNamespace', `ownerRef ${describe(reference)} is namespaced, and cannot own a cluster-scoped object`)
    return 'solid'
  }
  try {
    const found = await scope.client.get(kind, reference.name, { namespace: kind.scope === 'Namespaced' ? namespace : undefined })
    if (found.metadata.uid === reference.uid) return 'solid'
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error
  }
  if (owner !== undefined) scope.event(node.object, 'Warning', 'OwnerRefInvalidNamespace', `ownerRef ${describe(reference)} does not exist in namespace "${namespace ?? ''}"`)
  if (absent.size > 10_000) absent.clear()
  absent.add(key)
  return 'dangling'
}

/** Owners live in the namespace of their dependents, or in none. */
export function fits(reference: OwnerReference, owner: GraphNode, namespace: string | undefined): boolean {
  const { metadata } = owner.object
  return owner.kind.kind === reference.kind && metadata.name === reference.name && (metadata.namespace === undefined || metadata.namespace === namespace)
}

function describe({ apiVersion, kind, name, uid }: OwnerReference): string {
  return `[${apiVersion}/${kind}, namespace: , name: ${name}, uid: ${uid}]`
}

async function unblock(node: GraphNode, collection: Collection): Promise<void> {
  const references = (node.object.metadata.ownerReferences ?? []).map((reference) => ({ ...reference, blockOwnerDeletion: false }))
  await patchMetadata(node, { ownerReferences: references as never }, collection)
}

async function removeFinalizer(node: GraphNode, finalizer: string, collection: Collection): Promise<void> {
  await patchMetadata(node, { finalizers: (node.object.metadata.finalizers ?? []).filter((f) => f !== finalizer) }, collection)
}

async function patchMetadata({ kind, object, uid }: GraphNode, lists: Record<string, never[] | string[]>, { scope }: Collection): Promise<void> {
  const { name = '', namespace, resourceVersion = '' } = object.metadata
  // An empty list is an absent one.
  const change = Object.fromEntries(Object.entries(lists).map(([field, list]) => [field, list.length === 0 ? null : list]))
  try {
    await scope.client.patch(kind as Kind, name, { metadata: { uid, resourceVersion, ...change } }, { namespace, type: 'merge' })
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error
  }
}

async function remove({ kind, object, uid }: GraphNode, propagationPolicy: 'Orphan' | 'Background' | 'Foreground', { scope }: Collection): Promise<void> {
  const { name = '', namespace } = object.metadata
  try {
    await scope.client.delete(kind, name, { namespace, propagationPolicy, preconditions: { uid } })
  } catch (error) {
    // Gone, or another object of that name: both are news that the watch brings.
    if (!isApiError(error, 'NotFound', 'Conflict')) throw error
  }
}
