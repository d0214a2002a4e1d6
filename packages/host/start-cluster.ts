import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { createApiServer, encryptedAtRest } from '@idp/apiserver'
import { createClient, handlerTransport, type Client } from '@idp/client'
import { listen, listenRaw, type Handler, type Peer } from '@idp/http'
import { CodedError, isCoded, messageOf } from '@idp/kit'
import { createFabric, type ControlPlaneEntry, type Fabric, type Net, type NodeSpec, type Nodes } from '@idp/sandbox'
import { memoryStore, openStore } from '@idp/store'
import type { Cluster, ClusterOptions, HostPort } from './cluster-options.ts'
import { openPki, type ClusterPki } from './cluster-pki.ts'
import { callThrough } from './call-service.ts'
import { kubeconfig } from './kubeconfig.ts'
import { nodeProxy } from './node-proxy.ts'
import { privateDirectory, writePrivate } from './private-files.ts'
import { supervise } from './supervise.ts'
import { watchCluster } from './watch-cluster.ts'

const domain = 'cluster.local'
const apiClusterIp = '10.43.0.1'
const apiInsidePort = 6_443

/** Starts a cluster and resolves when its nodes are Ready. @throws CodedError for a bad data directory, a taken port, a component list without node agent */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { name, dataDir, clock, log, random } = options
  await using starting = new AsyncDisposableStack()
  await privateDirectory(dataDir)
  const nodes = placeNodes(options)
  const apiAddress = (nodes.find((n) => n.controlPlane === true) ?? nodes[0])?.address ?? ''
  const [opened, keys] = await Promise.allSettled([
    options.storage === 'memory' ? memoryStore() : openStore(join(dataDir, 'store'), { log, random }),
    openPki({
      directory: join(dataDir, 'pki'), clusterName: name, clock, random,
      apiNames: ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${domain}`, 'localhost', '127.0.0.1', apiClusterIp, apiAddress],
    }),
  ])
  if (opened.status === 'rejected') throw opened.reason
  const store = starting.use(opened.value)
  if (keys.status === 'rejected') throw keys.reason
  const pki = keys.value
  let running: Nodes | undefined
  let apiInside: (Net & Disposable) | undefined
  const server = starting.use(createApiServer({
    store, clock, log, random, serviceAccountKey: pki.serviceAccountKey, atRest: encryptedAtRest(pki.encryptionKey, random),
    endpoint: { address: apiAddress, port: apiInsidePort }, nodes: nodeProxy(() => running), callService: callThrough(() => apiInside),
  }))
  await server.started
  const clientAs = (user: string, groups: readonly string[] = []) => clientOf(server.handler, user, groups)
  const client = clientAs('system:admin', ['system:masters'])

  const stop = new AbortController()
  const watched = watchCluster(clientAs('system:idp:network', ['system:masters']), { signal: stop.signal, clock, log })
  starting.defer(() => stop.abort())
  const fabric = createFabric({ view: watched.view, clock, ca: () => pki.ca.cert, domain, egress: options.egress ?? false })
  const inside = fabric.attach({ ip: apiAddress, node: true, shared: true }).open()
  apiInside = inside
  const apiTls = { identity: () => pki.apiServer, clientCa: pki.ca.cert }
  const web = { handler: server.handler, upgrade: server.upgrade }
  await inside.listen(apiInsidePort, web, { tls: apiTls })
  starting.defer(() => inside[Symbol.dispose]())

  const [port] = await Promise.all([openApiPort(options, web, apiTls, starting), watched.synced])
  const control = startControlPlane(options, clientAs, pki, stop.signal)
  starting.defer(async () => {
    stop.abort()
    await control
  })
  const nodesRunning = starting.use(await startNodes(options, nodes, fabric, pki, clientAs, server.handler))
  running = nodesRunning
  const hostPorts = await openHostPorts(options.hostPorts ?? [], fabric, options, starting)

  const url = port === undefined ? undefined : `https://127.0.0.1:${port}`
  const config = url === undefined ? undefined : kubeconfig({ name, server: url, ca: pki.ca.cert, admin: pki.admin })
  if (config !== undefined) await writePrivate(join(dataDir, 'kubeconfig'), config)
  const stack = starting.move()
  return {
    name, url, hostPorts, client, clientAs, handler: server.handler, fabric, net: inside, nodes: nodesRunning, kubeconfig: config, ca: pki.ca.cert,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

function clientOf(handler: Handler, user: string, groups: readonly string[]): Client {
  return createClient({ transport: handlerTransport(handler, { address: '127.0.0.1', certificate: { commonName: user, organizations: groups } }), fieldManager: user.replace(/^system:/, ''), userAgent: user })
}

type Placed = NodeSpec & { readonly address: string; readonly podPrefix: string }

function placeNodes({ name, nodes }: ClusterOptions): Placed[] {
  const wanted: readonly NodeSpec[] = nodes === undefined || nodes.length === 0 ? [{ name: `${name}-server-0`, controlPlane: true }] : nodes
  return wanted.map((node, i) => ({ ...node, address: `172.25.0.${i + 2}`, podPrefix: `10.42.${i}` }))
}

async function openApiPort(options: ClusterOptions, server: Parameters<typeof listen>[0]['server'], tls: { identity(): { cert: string; key: string }; clientCa: string }, starting: AsyncDisposableStack): Promise<number | undefined> {
  if (options.apiPort === false) return undefined
  const opened = starting.use(await listen({ port: options.apiPort ?? 0, server, tls, log: options.log, setting: '--api-port' }))
  return opened.port
}

async function startControlPlane(options: ClusterOptions, clientAs: Cluster['clientAs'], pki: ClusterPki, signal: AbortSignal): Promise<void> {
  const { clock, random } = options
  const entries = options.components.flatMap((c) => c.controlPlane ?? [])
  await Promise.all(entries.map((entry: ControlPlaneEntry) => {
    const log = options.log.with({ program: entry.name })
    const client = clientAs(entry.user ?? `system:${entry.name}`, entry.groups ?? [])
    return supervise(async (attempt) => (await entry.load()).run({ client, clock, log, random, signal: attempt, clusterCa: pki.ca.cert }), { name: entry.name, clock, log, signal })
  }))
}

async function startNodes(options: ClusterOptions, nodes: readonly Placed[], fabric: Fabric, pki: ClusterPki, clientAs: Cluster['clientAs'], handler: Handler): Promise<Nodes> {
  const { clock, log, random, components, dataDir } = options
  const agents = components.flatMap((c) => (c.nodes === undefined ? [] : [c.nodes]))
  if (agents.length !== 1 || agents[0] === undefined) {
    throw new CodedError({ code: 'NodeAgentMissing', message: `${agents.length} of the components run pods, it must be one`, remedy: 'pass the component node-agent to startCluster' })
  }
  const program = await agents[0].load()
  return program.start({
    nodes, fabric, components, clock, log, random, domain, directory: dataDir, clientCa: pki.ca.cert,
    client: (node) => clientAs(`system:node:${node}`, ['system:nodes']),
    clientFor: (token) => createClient({ transport: handlerTransport(handler), token }),
    identity: (names) => pki.serving(names),
  })
}

async function openHostPorts(ports: readonly HostPort[], fabric: Fabric, { log }: ClusterOptions, starting: AsyncDisposableStack): Promise<number[]> {
  const opened = await Promise.all(ports.map(async ({ port, nodePort, host, setting }) => starting.use(await listenRaw(
    { port, ...(host === undefined ? {} : { host }), ...(setting === undefined ? {} : { setting }) },
    (socket, peer) => enter(fabric, socket, nodePort, peer, log),
  ))))
  return opened.map((o) => o.port)
}

function enter(fabric: Fabric, socket: Duplex, nodePort: number, peer: Peer, log: ClusterOptions['log']): void {
  try {
    fabric.enter(socket, nodePort, peer.address)
  } catch (error) {
    // As a node whose Service has no endpoint: the connection is refused.
    if (!isCoded(error)) log.error('a connection could not be handed in', { nodePort, error: messageOf(error) })
    socket.destroy()
  }
}
