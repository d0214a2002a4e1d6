import type { Clock } from '@idp/kit'
import { GrpcError, grpcCode, grpcServer, type GrpcServer, type Method } from '../grpc/grpc-server.ts'
import type { Message } from '../grpc/protobuf.ts'
import { observedMessage } from './flow-message.ts'
import type { FlowRing } from './flow-ring.ts'
import { changeNotification, empty, getFlowsRequest, getFlowsResponse, getNodesResponse, serverStatusResponse } from './messages.ts'
import { observe, type GetFlowsRequest } from './observe.ts'

export const version = '1.18.2'

export interface ObserverOptions {
  flows(): FlowRing
  readonly node: string
  readonly clock: Pick<Clock, 'now'>
  readonly startedAt: number
  /** Nodes of the cluster and the addresses of their flow API, for the relay; until the signal aborts. */
  peers?(signal: AbortSignal): AsyncIterable<Message>
}

/** The agent's gRPC services: observer.Observer over the node's flows, and peer.Peer. */
export function observerServer({ flows, node, clock, startedAt, peers }: ObserverOptions): GrpcServer {
  const uptime = () => String((clock.now() - startedAt) * 1_000_000)
  return grpcServer({
    '/observer.Observer/GetFlows': { request: getFlowsRequest, response: getFlowsResponse, call: (request, signal) => flowMessages(flows(), request as GetFlowsRequest, signal) },
    '/observer.Observer/ServerStatus': {
      request: empty, response: serverStatusResponse,
      call: async () => ({ num_flows: String(flows().size), max_flows: String(flows().capacity), seen_flows: String(flows().seen), uptime_ns: uptime(), version: `cilium v${version}` }),
    },
    '/observer.Observer/GetNodes': {
      request: empty, response: getNodesResponse,
      call: async () => ({ nodes: [{ name: node, version: `cilium v${version}`, state: 'NODE_CONNECTED', uptime_ns: uptime(), num_flows: String(flows().size), max_flows: String(flows().capacity), seen_flows: String(flows().seen) }] }),
    },
    ...unsupported('/observer.Observer/GetAgentEvents', '/observer.Observer/GetDebugEvents', '/observer.Observer/GetNamespaces'),
    ...(peers === undefined ? {} : { '/peer.Peer/Notify': { request: empty, response: changeNotification, call: (_request: Message, signal: AbortSignal) => peers(signal) } }),
  })
}

async function* flowMessages(ring: FlowRing, request: GetFlowsRequest, signal: AbortSignal): AsyncGenerator<Message> {
  const found = observe(ring, request, signal)
  for (;;) {
    let next
    try {
      next = await found.next()
    } catch (error) {
      throw new GrpcError(grpcCode.invalidArgument, (error as Error).message)
    }
    if (next.done === true) return
    yield observedMessage(next.value)
  }
}

/** Known methods that are refused by name. */
export function unsupported(...paths: readonly string[]): Record<string, Method> {
  return Object.fromEntries(paths.map((path) => [path, {
    request: empty, response: empty,
    call: async (): Promise<Message> => { throw new GrpcError(grpcCode.unimplemented, `${path.slice(path.lastIndexOf('/') + 1)} is not supported by the stand-in`) },
  }]))
}
