import { join, posix } from 'node:path'
import { readdir, rm, stat } from 'node:fs/promises'
import { Pod, type PersistentVolume } from '@idp/api'
import { createEventRecorder, informer } from '@idp/controller'
import type { NodesOptions } from '@idp/sandbox'
import { messageOf } from '@idp/kit'
import { createAddressPool } from './address-pool.ts'
import { kubeletHandler, kubeletPages } from './kubelet-server.ts'
import { capacityOf, type PlacedNode } from './node-object.ts'
import type { NodeContext, ReferencedObjects } from './node-context.ts'
import { registerNode } from './node-registration.ts'
import { PodWorker } from './pod-worker.ts'
import type { ProgramTable } from './program-table.ts'
import type { UsageMeter } from './resource-usage.ts'

/** One node: registered, and running the pods that are bound to it. */
export interface NodeAgent extends AsyncDisposable {
  readonly spec: PlacedNode
  readonly context: NodeContext
  workers(): Iterable<PodWorker>
  /** A request to the node's own server, by a caller who has been authorized. */
  page(request: Request): Response
  worker(namespace: string, name: string): PodWorker | undefined
}

export interface NodeAgentOptions {
  readonly spec: PlacedNode
  readonly shared: NodesOptions
  readonly objects: ReferencedObjects
  readonly programs: ProgramTable
  readonly usage: UsageMeter
  /** Pods of all nodes of the process. */
  everyWorker(): Iterable<PodWorker>
}

/** How long programs may take to end when the whole node ends. */
const shutDownGrace = 3_000
const kubeletPort = 10_250

export async function startNodeAgent({ spec, shared, objects, programs, usage, everyWorker }: NodeAgentOptions): Promise<NodeAgent> {
  const { clock, random, fabric } = shared
  const log = shared.log.with({ node: spec.name })
  const stop = new AbortController()
  const client = shared.client(spec.name)
  const network = fabric.attach({ ip: spec.address, node: true, shared: true, nodeName: spec.name })
  const events = createEventRecorder({ client, clock, log, component: 'kubelet', host: spec.name, signal: stop.signal })
  const root = join(shared.directory, 'nodes', spec.name)
  const context: NodeContext = {
    name: spec.name, ip: spec.address, net: network.open(), fabric, client, clock, log, random, events, programs, objects,
    addresses: createAddressPool(spec.podPrefix), allocatable: capacityOf(spec), root,
    podsDirectory: join(root, 'var/lib/kubelet/pods'), domain: shared.domain,
    identity: shared.identity, clientFor: shared.clientFor,
  }
  const workers = new Map<string, PodWorker>()
  const page = kubeletPages({ node: context, usage, startedAt: clock.now(), workers: () => workers.values(), everyWorker })
  const identity = shared.identity([spec.name, spec.address])
  identity.catch(() => {}) // Awaited below.
  await registerNode(spec, { client, clock, log, signal: stop.signal })
  const pods = informer(client, Pod, { query: { fieldSelector: `spec.nodeName=${spec.name}` }, signal: stop.signal, clock, log })
  pods.onChange(({ before, after }) => {
    if (stop.signal.aborted) return
    if (before !== undefined && before.metadata.uid !== after?.metadata.uid) end(before)
    if (after === undefined) return
    const uid = after.metadata.uid ?? ''
    const known = workers.get(uid)
    if (known !== undefined) return known.update(after)
    const worker = new PodWorker(context, after, () => {
      if (workers.get(uid) === worker) workers.delete(uid)
    })
    workers.set(uid, worker)
    worker.wake()
  })
  const end = (pod: Pod) => {
    workers.get(pod.metadata.uid ?? '')?.remove().catch((error: unknown) => log.error('pod could not be removed', { pod: pod.metadata.name, error: messageOf(error) }))
  }
  const following = objects.onChange((namespace, name) => {
    for (const worker of workers.values()) if (worker.pod.metadata.namespace === namespace && worker.references.has(name)) worker.refresh()
  })
  const volumesGone = objects.onVolumeGone((volume) => {
    removeVolume(context, volume).catch((error: unknown) => log.warn('the directory of a volume could not be removed', { volume: volume.metadata.name, error: messageOf(error) }))
  })
  await pods.synced
  const serving = await identity
  await network.open().listen(kubeletPort, { handler: kubeletHandler(context, page) }, { tls: { identity: () => serving, clientCa: shared.clientCa } })
  const cleaning = cleanUp(context, new Set(pods.cache.list().map((p) => p.metadata.uid ?? ''))).catch((error: unknown) => log.warn('old pods could not be cleaned up', { error: messageOf(error) }))
  return {
    spec, context, page,
    workers: () => workers.values(),
    worker: (namespace, name) => [...workers.values()].find((w) => w.pod.metadata.name === name && w.pod.metadata.namespace === namespace),
    async [Symbol.asyncDispose]() {
      stop.abort()
      following[Symbol.dispose]()
      volumesGone[Symbol.dispose]()
      await Promise.all([...workers.values()].map((w) => w.shutDown(shutDownGrace)))
      await Promise.all([events.flush(), cleaning])
      network[Symbol.dispose]()
    },
  }
}

/** The directory of a volume that was provisioned on this node goes with it, where its policy says Delete. */
async function removeVolume(node: NodeContext, { metadata, spec }: PersistentVolume): Promise<void> {
  const mine = metadata.annotations?.['local.path.provisioner/selected-node'] === node.name && spec?.persistentVolumeReclaimPolicy === 'Delete'
  if (mine && spec.hostPath !== undefined) await rm(join(node.root, posix.normalize(`/${spec.hostPath.path}`)), { recursive: true, force: true })
}

/** Removes what pods left behind that went while no agent ran. */
async function cleanUp(node: NodeContext, living: ReadonlySet<string>): Promise<void> {
  const names = async (directory: string) => readdir(directory).catch(() => [])
  for (const uid of await names(node.podsDirectory)) if (!living.has(uid)) await rm(join(node.podsDirectory, uid), { recursive: true, force: true })
  const logs = join(node.root, 'var/log/pods')
  for (const name of await names(logs)) if (!living.has(name.split('_').at(-1) ?? '')) await rm(join(logs, name), { recursive: true, force: true })
  const links = join(node.root, 'var/log/containers')
  for (const name of await names(links)) {
    const link = join(links, name)
    if (await stat(link).then(() => false, () => true)) await rm(link, { force: true })
  }
}

