import type { Duplex } from 'node:stream'
import type { Pod } from '@idp/api'
import { messageOf } from '@idp/kit'
import { createWebSocketStream } from 'ws'
import type { ResourceRequest } from '../server-context.ts'
import { acceptWebSocket } from './accept-websocket.ts'
import type { NodeProxy } from './node-proxy.ts'
import { nodesOf, podAndContainer } from './running-pod.ts'
import { serveSpdy, type SpdyStream } from './spdy-connection.ts'
import { acceptSpdy } from './accept-spdy.ts'

/** Forwarding over a WebSocket that carries SPDY (`SPDY/3.1+portforward.k8s.io`), or over SPDY itself for older clients. */
export async function forwardPorts(request: ResourceRequest, connection: Duplex, head: Uint8Array): Promise<void> {
  const nodes = nodesOf(request)
  const { pod } = podAndContainer({ ...request, search: new URLSearchParams({ container: request.search.get('container') ?? firstContainer(request) }) })
  if ((request.request.headers.get('upgrade') ?? '').toLowerCase() === 'websocket') {
    const { socket } = await acceptWebSocket(request.request, { socket: connection, head }, ['SPDY/3.1+portforward.k8s.io'])
    await forward(createWebSocketStream(socket), pod, nodes)
  } else await forward(acceptSpdy(request.request, connection, head, ['portforward.k8s.io']), pod, nodes)
}

/** Which container is meant does not matter: the containers of a pod share its ports. */
function firstContainer({ server, resource, info }: ResourceRequest): string {
  const pod = server.storage.find(resource, info) as unknown as Pod | undefined
  return pod?.spec.containers[0]?.name ?? ''
}

/** A connection is two streams with one requestid: data, and the words of what went wrong. */
async function forward(connection: Duplex, pod: Pod, nodes: NodeProxy): Promise<void> {
  const errors = new Map<string, SpdyStream>()
  try {
    await serveSpdy(connection, (stream) => {
      const id = stream.headers.get('requestid') ?? ''
      if (stream.headers.get('streamtype') === 'error') errors.set(id, stream)
      else void join(stream, errors.get(id), Number(stream.headers.get('port')), pod, nodes).finally(() => errors.delete(id))
    })
  } catch {
    // A client that goes away in the middle of a frame has nobody left to tell.
  } finally {
    connection.destroy()
  }
}

async function join(stream: SpdyStream, error: SpdyStream | undefined, port: number, pod: Pod, nodes: NodeProxy): Promise<void> {
  let target: Duplex | undefined
  try {
    target = await nodes.portForward(pod, port)
    const upstream = target
    const sending = (async () => {
      for await (const chunk of stream.input) if (upstream.writable) upstream.write(chunk)
      upstream.end()
    })()
    for await (const chunk of upstream) stream.write(chunk as Uint8Array)
    stream.end()
    error?.end()
    await sending
  } catch (failure) {
    error?.write(`error forwarding port ${port} to pod ${pod.metadata.name ?? ''}, uid : ${messageOf(failure)}`)
    error?.end()
    stream.end()
  } finally {
    target?.destroy()
  }
}
