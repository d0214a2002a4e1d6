import { join } from 'node:path'
import { createApiServer, encryptedAtRest, type ApiServer } from '@idp/apiserver'
import { createClient, handlerTransport } from '@idp/client'
import { listen } from '@idp/http'
import { CodedError } from '@idp/kit'
import { boundToScope, containFaults, createFabric, type Fabric, type Net, type Nodes } from '@idp/sandbox'
import { memoryStore, openStore, type Store } from '@idp/store'
import { callThrough } from './call-service.ts'
import { apiAddressOf, apiInsidePort, apiNames, clusterDomain, placeNodes, type PlacedNode } from './cluster-address.ts'
import type { Cluster, ClusterOptions } from './cluster-options.ts'
import { openPki, type ClusterPki } from './cluster-pki.ts'
import { openHostPorts } from './host-ports.ts'
import { kubeconfig } from './kubeconfig.ts'
import { nodeProxy } from './node-proxy.ts'
import { privateDirectory, writePrivate } from './private-files.ts'
import { supervise } from './supervise.ts'
import { watchCluster } from './watch-cluster.ts'

/** What the steps of a start share; `stack` takes everything down in the opposite order. */
interface Start {
  readonly options: ClusterOptions
  readonly stack: AsyncDisposableStack
  readonly pki: ClusterPki
  readonly server: ApiServer
  clientAs: Cluster['clientAs']
}

/** Starts a cluster and resolves when its nodes are Ready. @throws CodedError for a bad data directory, a taken port, a component list without node agent */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { name, dataDir } = options
  await using stack = new AsyncDisposableStack()
  const nodes = placeNodes(name, options.nodes)
  const address = apiAddressOf(nodes)
  const { store, pki } = await openState(options, address, stack)

  // The API server asks for both when a request needs them; they start after it.
  const later: { nodes?: Nodes; net?: Net } = {}
  const { clock, log, random } = options
  stack.use(containFaults())
  const server: ApiServer = outsideScopes(createApiServer({
    store, clock, log, random, serviceAccountKey: pki.serviceAccountKey, atRest: encryptedAtRest(pki.encryptionKey, random),
    endpoint: { address, port: apiInsidePort }, nodes: nodeProxy({ nodes: () => later.nodes, net: () => later.net, client: () => clientOf(server, 'system:admin', ['system:masters']) }), callService: callThrough(() => later.net),
  }))
  stack.use(server)
  await server.started
  const start: Start = { options, stack, pki, server, clientAs: (user, groups = []) => clientOf(server, user, groups) }

  const [network, port] = await Promise.all([startNetwork(start, { address, node: (nodes.find((n) => n.address === address) ?? nodes[0]).name }), openApiPort(start)])
  later.net = network.net
  startControlPlane(start)
  const running = stack.use(await startNodes(start, nodes, network.fabric))
  later.nodes = running
  const hostPorts = await openHostPorts(options.hostPorts ?? [], network.fabric, log, stack)

  const url = port === undefined ? undefined : `https://127.0.0.1:${port}`
  const config = url === undefined ? undefined : kubeconfig({ name, server: url, ca: pki.ca.cert, admin: pki.admin })
  if (config !== undefined) await writePrivate(join(dataDir, 'kubeconfig'), config)
  const held = stack.move()
  return {
    name, url, hostPorts, client: start.clientAs('system:admin', ['system:masters']), clientAs: start.clientAs, handler: server.handler, ...network, nodes: running,
    kubeconfig: config, ca: pki.ca.cert,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

async function openState({ name, dataDir, storage, clock, log, random }: ClusterOptions, address: string, stack: AsyncDisposableStack): Promise<{ store: Store; pki: ClusterPki }> {
  await privateDirectory(dataDir)
  const [store, pki] = await Promise.allSettled([
    storage === 'memory' ? memoryStore() : openStore(join(dataDir, 'store'), { log, random }),
    openPki({ directory: join(dataDir, 'pki'), clusterName: name, clock, random, apiNames: apiNames(address) }),
  ])
  if (store.status === 'fulfilled') stack.use(store.value)
  if (store.status === 'rejected') throw store.reason
  if (pki.status === 'rejected') throw pki.reason
  return { store: store.value, pki: pki.value }
}

/** The API server answers for itself: what fails in it is not the fault of the program that calls it. */
function outsideScopes(server: ApiServer): ApiServer {
  return { ...server, handler: boundToScope(server.handler), upgrade: boundToScope(server.upgrade) }
}

function clientOf({ handler }: ApiServer, user: string, groups: readonly string[]): Cluster['client'] {
  const peer = { address: '127.0.0.1', certificate: { commonName: user, organizations: groups } }
  return createClient({ transport: handlerTransport(handler, peer), fieldManager: user.replace(/^system:/, ''), userAgent: user })
}

/** The network between pods, and the API server's port in it. */
async function startNetwork({ options, stack, pki, server, clientAs }: Start, { address, node }: { readonly address: string; readonly node: string }): Promise<{ fabric: Fabric; net: Net }> {
  const { clock, log, egress } = options
  const stop = new AbortController()
  stack.defer(() => stop.abort())
  const { view, synced } = watchCluster(clientAs('system:idp:network', ['system:masters']), { signal: stop.signal, clock, log })
  const fabric = createFabric({ view, clock, ca: () => pki.ca.cert, domain: clusterDomain, egress: egress ?? false })
  const net = stack.use(fabric.attach({ ip: address, node: true, shared: true, nodeName: node })).open()
  await net.listen(apiInsidePort, { handler: server.handler, upgrade: server.upgrade }, { tls: { identity: () => pki.apiServer, clientCa: pki.ca.cert } })
  await synced
  return { fabric, net }
}

async function openApiPort({ options, stack, pki, server }: Start): Promise<number | undefined> {
  if (options.apiPort === false) return undefined
  const opened = stack.use(await listen({
    port: options.apiPort ?? 0, server: { handler: server.handler, upgrade: server.upgrade }, tls: { identity: () => pki.apiServer, clientCa: pki.ca.cert }, log: options.log, setting: '--api-port',
  }))
  return opened.port
}

/** Each program runs under its own user; one that fails is started again and takes nothing else down. */
function startControlPlane({ options, stack, pki, clientAs }: Start): void {
  const { clock, random } = options
  const stop = new AbortController()
  const ended = options.components.flatMap((c) => c.controlPlane ?? []).map((entry) => {
    const log = options.log.with({ program: entry.name })
    const client = clientAs(entry.user ?? `system:${entry.name}`, entry.groups)
    return supervise(async (signal) => (await entry.load()).run({ client, clock, log, random, signal, clusterCa: pki.ca.cert }), { name: entry.name, clock, log, signal: stop.signal })
  })
  stack.defer(async () => {
    stop.abort()
    await Promise.all(ended)
  })
}

async function startNodes({ options, pki, server, clientAs }: Start, nodes: readonly PlacedNode[], fabric: Fabric): Promise<Nodes> {
  const { clock, log, random, components, dataDir } = options
  const agents = components.flatMap((c) => c.nodes ?? [])
  const [agent] = agents
  if (agent === undefined || agents.length > 1) {
    throw new CodedError({ code: 'NodeAgentMissing', message: `${agents.length} of the components run pods, it must be one`, remedy: 'pass the component node-agent to startCluster' })
  }
  return (await agent.load()).start({
    nodes, fabric, components, clock, log, random, domain: clusterDomain, directory: dataDir, clientCa: pki.ca.cert,
    client: (node) => clientAs(`system:node:${node}`, ['system:nodes']),
    clientFor: (token) => createClient({ transport: handlerTransport(server.handler), token }),
    identity: (names) => pki.serving(names),
  })
}
