import { Event, Node, Pod, type Kind } from '@idp/api'
import { startTestApi, type TestApi } from '@idp/apiserver'
import type { Client } from '@idp/client'
import { createManager, type Controller, type Loop, type Manager } from '@idp/controller'
import type { KubeObject } from '@idp/formats'
import { rfc3339, silentLog, type FakeClock } from '@idp/kit'
import { trimCached } from '../engine/trim-cached.ts'

/** An API server in memory with some controllers on a fake clock; pods are run by hand. */
export interface Workbench extends AsyncDisposable {
  readonly client: Client
  readonly clock: FakeClock
  readonly manager: Manager
  readonly api: TestApi
  /** Lets everything that is ready happen, without letting time pass beyond a few milliseconds. */
  settle(): Promise<void>
  advance(ms: number): Promise<void>
  /** Objects of a kind in the default namespace (or another), by name. */
  list<T extends KubeObject>(kind: Kind<T>, namespace?: string): Promise<T[]>
  names(kind: Kind): Promise<string[]>
  get<T extends KubeObject>(kind: Kind<T>, name: string): Promise<T>
  /** Does what a node agent does: pods get an address, run and are ready (or what `status` says). Finishes deletions. */
  runPods(which?: (pod: Pod) => boolean, status?: NonNullable<Pod['status']>): Promise<void>
  /** `reason: message` of all events, oldest first. */
  events(): Promise<string[]>
}

export async function workbench(controllers: readonly (Controller | Loop)[], { nodes = [] as readonly Node[] } = {}): Promise<Workbench> {
  const api = await startTestApi()
  const { client, fake: clock } = api
  for (const node of nodes) await client.create(Node, node)
  const stop = new AbortController()
  const manager = createManager({ client, clock, log: silentLog, controllers, signal: stop.signal, name: 'kube-controller-manager', trim: trimCached })
  const settle = async () => {
    for (let quiet = 0, rounds = 0; quiet < 2; rounds++) {
      if (rounds > 500) throw new Error('the controllers do not come to rest')
      await clock.advance(1)
      quiet = manager.idle ? quiet + 1 : 0
    }
    await manager.flushEvents()
  }
  const list = async <T extends KubeObject>(kind: Kind<T>, namespace = 'default') => {
    const { items } = await client.list(kind, kind.scope === 'Namespaced' ? { namespace } : {})
    return items.sort((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1))
  }
  await settle()
  let address = 0
  return {
    client, clock, manager, api, settle, list,
    async advance(ms) {
      await clock.advance(ms)
      await settle()
    },
    names: async (kind) => (await list(kind)).map((object) => object.metadata.name ?? ''),
    get: (kind, name) => client.get(kind, name, { namespace: 'default' }),
    async runPods(which = () => true, status = {}) {
      for (const pod of (await client.list(Pod)).items.filter(which)) {
        const { name = '', namespace } = pod.metadata
        if (pod.metadata.deletionTimestamp !== undefined) {
          await client.delete(Pod, name, { namespace, gracePeriodSeconds: 0 })
          continue
        }
        const at = rfc3339(clock.now())
        const ip = pod.status?.podIP ?? `10.42.0.${++address}`
        const next = { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: at }], ...status }
        if (pod.status?.phase === next.phase && status.phase === undefined) continue
        await client.patch(Pod, name, { status: next as never }, { namespace, subresource: 'status', type: 'merge' })
      }
      await settle()
    },
    events: async () => (await client.list(Event)).items.sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion)).map((e) => `${e.reason}: ${e.message}`),
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('test over'))
      await clock.advance(1)
      await manager.done
      await api[Symbol.asyncDispose]()
    },
  }
}

/** A pod template with one container and these labels. */
export function template(labels: Record<string, string>, spec: Partial<Pod['spec']> = {}) {
  return { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'busybox' }], ...spec } }
}

export function node(name: string, extra: Partial<Node> = {}): Node {
  return { apiVersion: 'v1', kind: 'Node', ...extra, metadata: { name, ...extra.metadata } }
}
