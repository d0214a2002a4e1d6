import { APIService, apiVersionOf, CustomResourceDefinition, type Kind } from '@idp/api'
import { createWorkQueue, type Informers, type Loop, type Scope, type WorkQueue } from '@idp/controller'
import type { OwnerReference } from '@idp/formats'
import { messageOf, sleep } from '@idp/kit'
import { discoverKinds } from '../engine/deletable-kinds.ts'
import { createOwnerGraph, deletesDependents, orphansDependents, type OwnerGraph } from '../engine/owner-graph.ts'
import { attemptToDelete, fits, orphanDependents, type Collection } from './garbage-collection.ts'

/** Kinds that come in masses and never own or are owned. */
const ignored = new Set(['events', 'events.k8s.io/events'])
const resyncMs = 30_000
const settleMs = 400
/** Kinds that cannot be listed hold collection up only this long. */
const syncLimitMs = 30_000

/** Deletes what has lost all its owners, and carries out foreground and orphaning deletion. Follows every kind that is served. */
export function garbageCollector(): Loop {
  let idle: () => boolean = () => false
  return {
    name: 'garbage-collector-controller',
    idle: () => idle(),
    async run(scope) {
      const graph = createOwnerGraph()
      const monitors = new Map<string, Kind>()
      const since = scope.clock.now()
      const ready = () => scope.informers.synced || scope.clock.now() - since > syncLimitMs
      const queue = createQueue({ scope, graph, absent: new Set() }, ready)
      scope.signal.addEventListener('abort', () => queue.stop(), { once: true })
      let first = true
      idle = () => !first && scope.informers.synced && queue.idle
      const wake = wakeOnNewKinds(scope)
      while (!scope.signal.aborted) {
        const asked = wake.next()
        try {
          await follow(scope, graph, monitors, queue)
          first = false
        } catch (error) {
          if (!scope.signal.aborted) scope.log.warn('cannot follow all kinds', { error: messageOf(error) })
        }
        await asked
      }
    },
  }
}

function createQueue(collection: Collection, ready: () => boolean): WorkQueue {
  const { scope, graph } = collection
  const queue: WorkQueue = createWorkQueue({
    clock: scope.clock, concurrency: 20,
    async work(key) {
      if (!ready()) return queue.addAfter(key, 100)
      const [task = '', uid = ''] = key.split('/')
      const node = graph.get(uid)
      if (node === undefined) return
      try {
        const more = task === 'orphan' ? await orphanDependents(node, collection) : await attemptToDelete(node, collection)
        for (const next of more) queue.add(`delete/${next}`)
        queue.forget(key)
      } catch (error) {
        if (scope.signal.aborted) return
        scope.log.debug('cannot collect', { object: `${node.kind.kind} ${node.object.metadata.namespace ?? ''}/${node.object.metadata.name}`, error: messageOf(error) })
        queue.addRateLimited(key)
      }
    },
  })
  return queue
}

/** Asks discovery and follows what is new; forgets what is no longer served. */
async function follow(scope: Scope & { readonly informers: Informers }, graph: OwnerGraph, monitors: Map<string, Kind>, queue: WorkQueue): Promise<void> {
  const { kinds } = await discoverKinds(scope.client, ['list', 'watch', 'delete'])
  const served = new Map(kinds.map((kind) => [kind.group === '' ? kind.plural : `${kind.group}/${kind.plural}`, kind]))
  for (const [name, kind] of served) {
    if (ignored.has(name) || monitors.has(name)) continue
    monitors.set(name, kind)
    monitor(scope.informers, kind, graph, queue)
  }
  for (const [name, kind] of monitors) {
    if (served.has(name)) continue
    monitors.delete(name)
    for (const object of scope.informers.metadataOf(kind).cache.list()) graph.remove(object.metadata.uid ?? '')
    scope.informers.drop(kind)
  }
}

function monitor(informers: Informers, kind: Kind, graph: OwnerGraph, queue: WorkQueue): void {
  const apiVersion = apiVersionOf(kind)
  informers.metadataOf(kind).onChange(({ before, after }) => {
    if (before !== undefined && before.metadata.uid !== after?.metadata.uid) {
      const gone = graph.remove(before.metadata.uid ?? '')
      for (const dependent of graph.dependents(before.metadata.uid ?? '')) queue.add(`delete/${dependent.uid}`)
      for (const { uid } of gone?.object.metadata.ownerReferences ?? []) queue.add(`delete/${uid}`)
    }
    if (after === undefined) return
    const uid = after.metadata.uid ?? ''
    // List items may come without their type.
    const added = graph.put(kind, after.kind === undefined ? { ...after, apiVersion, kind: kind.kind } : after)
    const node = graph.get(uid)
    if (node === undefined) return
    if (added.some((owner) => !isSolid(graph, owner, after.metadata.namespace))) queue.add(`delete/${uid}`)
    const lost = (before?.metadata.ownerReferences ?? []).filter((old) => !(after.metadata.ownerReferences ?? []).some((owner) => owner.uid === old.uid && owner.blockOwnerDeletion === old.blockOwnerDeletion))
    for (const owner of lost) queue.add(`delete/${owner.uid}`)
    if (orphansDependents(node)) queue.add(`orphan/${uid}`)
    if (deletesDependents(node)) {
      queue.add(`delete/${uid}`)
      for (const dependent of graph.dependents(uid)) queue.add(`delete/${dependent.uid}`)
    }
  })
}

/** False when the owner is unknown, in another namespace, or waits for its dependents: then the object has to be looked at. */
function isSolid(graph: OwnerGraph, reference: OwnerReference, namespace: string | undefined): boolean {
  const owner = graph.get(reference.uid)
  return owner !== undefined && fits(reference, owner, namespace) && !deletesDependents(owner)
}

/** Resolves soon after a CustomResourceDefinition or APIService changes, and every half minute. */
function wakeOnNewKinds(scope: Scope & { readonly informers: Informers }): { next(): Promise<void> } {
  let resolve = () => {}
  const poke = () => resolve()
  scope.informers.metadataOf(CustomResourceDefinition).onChange(poke)
  scope.informers.metadataOf(APIService).onChange(poke)
  scope.signal.addEventListener('abort', poke, { once: true })
  return {
    async next() {
      const woken = Promise.withResolvers<void>()
      resolve = woken.resolve
      const timer = scope.clock.timer(resyncMs, woken.resolve)
      await woken.promise
      timer[Symbol.dispose]()
      // Dozens of definitions usually come together, and are served a moment later.
      await sleep(scope.clock, settleMs, scope.signal).catch(() => {})
    },
  }
}
