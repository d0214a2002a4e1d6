import { messageOf, sleep, type Clock, type Log } from '@idp/kit'
import type { Net } from '@idp/sandbox'
import { grpcClient, type GrpcClient } from '../grpc/grpc-client.ts'
import { grpcServer, type GrpcServer } from '../grpc/grpc-server.ts'
import type { Message, MessageType } from '../grpc/protobuf.ts'
import { changeNotification, empty, getFlowsRequest, getFlowsResponse, getNodesResponse, serverStatusResponse } from './messages.ts'
import { unsupported, version } from './observer-server.ts'

export interface RelayOptions {
  readonly net: Pick<Net, 'connect'>
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** The Service that tells the nodes, e.g. `hubble-peer.kube-system.svc.cluster.local.:443`. */
  readonly peerService: string
}

export interface Relay {
  readonly server: GrpcServer
  /** Whether the nodes are known. */
  readonly connected: boolean
}

const retryMs = 2_000

interface PeerAnswer { readonly name: string; readonly address: string; readonly messages: readonly Message[]; readonly error?: string }

/** The flow API of the whole cluster: asks the agent of each node and puts their answers in order. */
export function createRelay({ net, clock, log, signal, peerService }: RelayOptions): Relay {
  const peers = new Map<string, string>()
  const open = async (address: string): Promise<GrpcClient> => {
    const colon = address.lastIndexOf(':')
    return grpcClient(await net.connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)) }), address)
  }
  void followPeers()

  async function followPeers(): Promise<void> {
    while (!signal.aborted) {
      try {
        using client = await open(peerService)
        for await (const change of client.call('/peer.Peer/Notify', { request: empty, response: changeNotification }, {}, signal)) {
          const { name, address, type } = change as { name: string; address: string; type: string }
          if (type === 'PEER_DELETED') peers.delete(name)
          else peers.set(name, address)
        }
      } catch (error) {
        log.debug('the peer service does not answer; trying again', { peerService, error: messageOf(error) })
      }
      await sleep(clock, retryMs, signal).catch(() => {})
    }
  }
  const askAll = (path: string, response: MessageType): Promise<PeerAnswer[]> => Promise.all([...peers].map(async ([name, address]) => {
    try {
      using client = await open(address)
      return { name, address, messages: await Array.fromAsync(client.call(path, { request: empty, response }, {}, signal)) }
    } catch (error) {
      return { name, address, messages: [], error: messageOf(error) }
    }
  }))
  const sum = (answers: readonly PeerAnswer[], field: string) => String(answers.reduce((total, { messages: [message] }) => total + BigInt((message?.[field] as string | undefined) ?? 0), 0n))
  const server = grpcServer({
    '/observer.Observer/GetFlows': { request: getFlowsRequest, response: getFlowsResponse, call: (request, ended) => mergedFlows(request, [...peers], open, ended) },
    '/observer.Observer/ServerStatus': {
      request: empty, response: serverStatusResponse,
      async call() {
        const answers = await askAll('/observer.Observer/ServerStatus', serverStatusResponse)
        const away = answers.filter(({ error }) => error !== undefined)
        const uptimes = answers.map(({ messages: [message] }) => BigInt((message?.['uptime_ns'] as string | undefined) ?? 0))
        return {
          num_flows: sum(answers, 'num_flows'), max_flows: sum(answers, 'max_flows'), seen_flows: sum(answers, 'seen_flows'), uptime_ns: String(uptimes.reduce((a, b) => (a > b ? a : b), 0n)),
          num_connected_nodes: answers.length - away.length, num_unavailable_nodes: away.length, unavailable_nodes: away.map(({ name }) => name), version: `hubble-relay v${version}`,
        }
      },
    },
    '/observer.Observer/GetNodes': {
      request: empty, response: getNodesResponse,
      async call() {
        const answers = await askAll('/observer.Observer/GetNodes', getNodesResponse)
        return { nodes: answers.flatMap(({ name, address, messages: [message], error }) => (error === undefined ? ((message?.['nodes'] ?? []) as Message[]).map((node) => ({ ...node, address })) : [{ name, address, state: 'NODE_UNAVAILABLE' }])) }
      },
    },
    ...unsupported('/observer.Observer/GetAgentEvents', '/observer.Observer/GetDebugEvents', '/observer.Observer/GetNamespaces'),
  })
  return { server, get connected() { return peers.size > 0 } }
}

/** Flows of all nodes by time. Of those to come each is passed on as it comes. */
async function* mergedFlows(request: Message, peers: readonly (readonly [string, string])[], open: (address: string) => Promise<GrpcClient>, signal: AbortSignal): AsyncGenerator<Message> {
  const stop = new AbortController()
  const both = AbortSignal.any([signal, stop.signal])
  const types = { request: getFlowsRequest, response: getFlowsResponse }
  using clients = new DisposableStack()
  try {
    const past: Message[] = []
    const reachable: string[] = []
    const away: string[] = []
    const wantsPast = request['follow'] !== true || request['number'] !== undefined || request['since'] !== undefined
    await Promise.all(peers.map(async ([name, address]) => {
      try {
        const client = clients.use(await open(address))
        reachable.push(name)
        if (wantsPast) for await (const message of client.call('/observer.Observer/GetFlows', types, { ...request, follow: false }, both)) past.push(message)
      } catch (error) {
        if ((error as { code?: unknown }).code === 3) throw error
        away.push(name)
      }
    }))
    yield { node_status: { state_change: 'NODE_CONNECTED', node_names: reachable } }
    if (away.length > 0) yield { node_status: { state_change: 'NODE_UNAVAILABLE', node_names: away } }
    past.sort((a, b) => (String(a['time']) < String(b['time']) ? -1 : 1))
    const number = Number(request['number'] ?? 0)
    yield* number === 0 ? past : request['first'] === true ? past.slice(0, number) : past.slice(-number)
    if (request['follow'] === true) yield* followAll(peers, open, { ...request, number: '0' }, both)
  } finally {
    stop.abort()
  }
}

async function* followAll(peers: readonly (readonly [string, string])[], open: (address: string) => Promise<GrpcClient>, request: Message, signal: AbortSignal): AsyncGenerator<Message> {
  const queue: Message[] = []
  let wake = () => {}
  using clients = new DisposableStack()
  const { since: _past, number: _none, ...following } = request
  for (const [, address] of peers) {
    void (async () => {
      const client = await open(address)
      if (signal.aborted) return client[Symbol.dispose]()
      clients.use(client)
      for await (const message of client.call('/observer.Observer/GetFlows', { request: getFlowsRequest, response: getFlowsResponse }, following, signal)) {
        queue.push(message)
        wake()
      }
    })().catch(() => {}) // a node that goes away sends no more; the others go on
  }
  signal.addEventListener('abort', () => wake(), { once: true })
  while (!signal.aborted) {
    const next = queue.shift()
    if (next !== undefined) yield next
    else await new Promise<void>((resolve) => { wake = resolve })
  }
}
