import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pod } from '@idp/api'
import { startTestApi, type TestApi } from '@idp/apiserver'
import { watchCluster } from '@idp/host'
import { silentLog, systemClock, systemRandom, type Clock } from '@idp/kit'
import { createFabric, type Component, type Fabric, type Net, type Nodes, type NodesOptions, type Program } from '@idp/sandbox'
import { eventuallyOne } from '@idp/testkit'
import { nodesProgram } from '../start-nodes.ts'

/** An API server in memory and one node that runs the given programs; for tests of this component alone. */
export interface NodeWorld extends AsyncDisposable {
  readonly api: TestApi
  readonly nodes: Nodes
  readonly fabric: Fabric
  readonly net: Net
  readonly directory: string
  /** Binds a pod to the node. */
  run(name: string, spec: Partial<Pod['spec']>, metadata?: Partial<Pod['metadata']>): Promise<Pod>
  until(name: string, condition: (pod: Pod | undefined) => boolean): Promise<Pod | undefined>
  log(name: string, container?: string): Promise<string>
}

export async function startNodeWorld(programs: readonly Program[] = [], options: { readonly clock?: Clock } = {}): Promise<NodeWorld> {
  const directory = await mkdtemp(join(tmpdir(), 'idp-node-'))
  const clock = options.clock ?? systemClock
  const api = await startTestApi({ clock })
  const stop = new AbortController()
  const cluster = watchCluster(api.client, { signal: stop.signal, clock, log: silentLog })
  await cluster.synced
  const fabric = createFabric({ view: cluster.view, clock, ca: () => '' })
  const component: Component = { name: 'test', standsInFor: 'nothing', programs: programs.map((p) => ({ images: p.images, load: async () => p })) }
  const nodesOptions: NodesOptions = {
    nodes: [{ name: 'node-0', address: '172.25.0.2', podPrefix: '10.42.0' }], client: () => api.client, clientFor: () => api.client, fabric, components: [component],
    directory, domain: 'cluster.local', clock, log: silentLog, random: systemRandom, identity: async () => ({ cert: '', key: '' }), clientCa: '',
  }
  const nodes = await nodesProgram.start(nodesOptions)
  const net = fabric.attach({ ip: '10.42.9.9', namespace: 'default', pod: 'tester' }).open()
  return {
    api, nodes, fabric, net, directory,
    run: (name, spec, metadata = {}) => api.client.create(Pod, {
      apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', ...metadata },
      spec: { nodeName: 'node-0', containers: [{ name: 'main', image: 'example.com/app:1' }], ...spec },
    } as Pod),
    until: (name, condition) => eventuallyOne(api.client, Pod, name, condition, { namespace: 'default', timeoutMs: 60_000 }),
    log: async (name, container) => new Response(await nodes.logs({ namespace: 'default', name, container }, {})).text(),
    async [Symbol.asyncDispose]() {
      await nodes[Symbol.asyncDispose]()
      stop.abort()
      await api[Symbol.asyncDispose]()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

