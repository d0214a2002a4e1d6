import { Node } from '@idp/api'
import type { Client } from '@idp/client'
import { informer } from '@idp/controller'
import type { KubeObject } from '@idp/formats'
import type { Clock, Log } from '@idp/kit'
import type { Message } from '../grpc/protobuf.ts'

/** Port of every agent's flow API. */
export const observerPort = 4244

/** peer.Peer/Notify: the nodes of the cluster, and how they change, until the signal aborts. */
export async function* peersOf(client: Client, signal: AbortSignal, watching: { readonly clock: Clock; readonly log: Log }): AsyncGenerator<Message> {
  const changes: Message[] = []
  let wake = () => {}
  const nodes = informer(client, Node, { ...watching, signal, transform: slim })
  nodes.onChange(({ before, after }) => {
    const [was, is] = [before, after].map((node) => node?.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address)
    if (was === is) return
    const type = is === undefined ? 'PEER_DELETED' : was === undefined ? 'PEER_ADDED' : 'PEER_UPDATED'
    changes.push({ name: (after ?? before)?.metadata.name ?? '', address: `${is ?? was}:${observerPort}`, type })
    wake()
  })
  signal.addEventListener('abort', () => wake(), { once: true })
  while (!signal.aborted) {
    const next = changes.shift()
    if (next !== undefined) yield next
    else await new Promise<void>((resolve) => { wake = resolve })
  }
}

function slim(object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata, status } = object as Node
  const { name, uid, resourceVersion } = metadata
  return { apiVersion, kind, metadata: { name, uid, resourceVersion }, spec: {}, status: { addresses: status?.addresses ?? [] } } as unknown as KubeObject
}
