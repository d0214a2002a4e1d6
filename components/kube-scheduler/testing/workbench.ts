import { Event, Node, Pod } from '@idp/api'
import { startTestApi } from '@idp/apiserver'
import type { Client } from '@idp/client'
import { createManager } from '@idp/controller'
import { seededRandom, silentLog, type FakeClock } from '@idp/kit'
import { schedulerLoop } from '../scheduler.ts'

/** An API server in memory with the scheduler on a fake clock. */
export interface Workbench extends AsyncDisposable {
  readonly client: Client
  readonly clock: FakeClock
  settle(): Promise<void>
  advance(ms: number): Promise<void>
  pod(name: string, spec?: Partial<Pod['spec']>, metadata?: Partial<Pod['metadata']>): Promise<void>
  get(name: string): Promise<Pod>
  /** Node of each pod of the namespace, by name. */
  placed(): Promise<Record<string, string | undefined>>
  /** Message of the PodScheduled condition. */
  reason(name: string): Promise<string>
  events(): Promise<string[]>
}

export async function workbench(nodes: readonly Node[]): Promise<Workbench> {
  const api = await startTestApi()
  const { client, fake: clock } = api
  for (const node of nodes) await register(client, node)
  const stop = new AbortController()
  const manager = createManager({ client, clock, log: silentLog, controllers: [schedulerLoop(seededRandom(7))], signal: stop.signal, name: 'kube-scheduler' })
  const settle = async () => {
    for (let quiet = 0, rounds = 0; quiet < 2; rounds++) {
      if (rounds > 500) throw new Error('the scheduler does not come to rest')
      await clock.advance(1)
      quiet = manager.idle ? quiet + 1 : 0
    }
    await manager.flushEvents()
  }
  await settle()
  const at = { namespace: 'default' }
  return {
    client, clock, settle,
    async advance(ms) {
      await clock.advance(ms)
      await settle()
    },
    async pod(name, spec = {}, metadata = {}) {
      await client.create(Pod, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', ...metadata }, spec: { containers: [container()], ...spec } })
      await settle()
    },
    get: (name) => client.get(Pod, name, at),
    placed: async () => Object.fromEntries((await client.list(Pod, at)).items.map((pod) => [pod.metadata.name ?? '', pod.spec.nodeName])),
    reason: async (name) => (await client.get(Pod, name, at)).status?.conditions?.find((c) => c.type === 'PodScheduled')?.message ?? '',
    events: async () => (await client.list(Event, at)).items.sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion)).map((e) => `${e.reason}: ${e.message}`),
    async [Symbol.asyncDispose]() {
      stop.abort(new Error('test over'))
      await clock.advance(1)
      await manager.done
      await api[Symbol.asyncDispose]()
    },
  }
}

/** A node agent tells the capacity through the status. */
export async function register(client: Client, node: Node): Promise<void> {
  await client.create(Node, node)
  await client.patch(Node, node.metadata.name ?? '', { status: node.status as never }, { subresource: 'status', type: 'merge' })
}

export function container(cpu?: string, extra: object = {}) {
  return { name: 'main', image: 'busybox', ...(cpu === undefined ? {} : { resources: { requests: { cpu } } }), ...extra }
}

export function node(name: string, { cpu = '4', labels = {}, ...spec }: { cpu?: string; labels?: Record<string, string> } & NonNullable<Node['spec']> = {}): Node {
  return {
    apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } }, spec,
    status: { allocatable: { cpu, memory: '8Gi', pods: '110' }, capacity: { cpu, memory: '8Gi', pods: '110' } },
  }
}
