import type { Duplex } from 'node:stream'
import { ApiError } from '@idp/api'
import type { ResourceRequest } from '../server-context.ts'
import { nodesOf, podAndContainer } from './running-pod.ts'

/** port-forward over a WebSocket that tunnels SPDY (`SPDY/3.1+portforward.k8s.io`). */
export async function forwardOverWebSocket(request: ResourceRequest, _connection: Duplex, _head: Uint8Array): Promise<void> {
  nodesOf(request)
  podAndContainer(request)
  throw new ApiError('ServiceUnavailable', 'port-forward is not served yet')
}
