import type { WebServer } from '@idp/http'
import { CodedError, type Clock } from '@idp/kit'
import type { Dialer, Hosts } from './dialer.ts'
import { boundToScope } from './fault-scope.ts'
import { fetchInCluster, type FetchWorld } from './fetch-in-cluster.ts'
import type { Listeners, OpenPort } from './listeners.ts'
import type { Listener, Net } from './net.ts'
import type { Endpoint } from './network-policy.ts'
import type { NodeNetwork } from './node-network.ts'

export interface ContainerNetOptions {
  readonly endpoint: Endpoint
  readonly hosts: Hosts
  readonly dialer: Dialer
  readonly listeners: Listeners
  readonly clock: Clock
  readonly ca: FetchWorld['ca']
  readonly verify: FetchWorld['verify']
  /** What a network agent of the node is given besides. */
  readonly admin?: NodeNetwork | undefined
  /** Called once it has been disposed. */
  ended(): void
}

/** The network of one container. Disposing closes its ports; a program that goes on after that has no network any more (`NetworkGone`). */
export function createContainerNet({ endpoint, hosts, dialer, listeners, clock, ca, verify, admin, ended }: ContainerNetOptions): Net & Disposable {
  const mine = new Set<{ close(): void }>()
  let gone = false
  const mustBeThere = () => {
    if (gone) throw new CodedError({ code: 'NetworkGone', message: 'the container has ended and has no network any more', where: endpoint.ip })
  }
  const listen = (port: number, what: (closed: AbortSignal) => OpenPort): Listener => {
    mustBeThere()
    const opened = listeners.open(endpoint.ip, port, what)
    mine.add(opened)
    return {
      port: opened.port,
      async [Symbol.asyncDispose]() {
        mine.delete(opened)
        opened.close()
      },
    }
  }
  const dial = (host: string, port: number) => {
    mustBeThere()
    return dialer.dial(endpoint, host, port, hosts)
  }
  return {
    ip: endpoint.ip,
    ...(admin === undefined ? {} : { admin }),
    async listen(port, given, { tls } = {}) {
      const server: WebServer = {
        handler: boundToScope((request, peer) => given.handler(request, peer)),
        ...(given.upgrade === undefined ? {} : { upgrade: boundToScope((request, socket, head, peer) => given.upgrade?.(request, socket, head, peer)) }),
      }
      return listen(port, (closed) => ({ type: 'web', server, tls, closed, owner: endpoint }))
    },
    async listenRaw(port, accept) {
      const bound = boundToScope(accept)
      return listen(port, (closed) => ({ type: 'raw', accept: bound, closed, owner: endpoint }))
    },
    fetch: (url, init) => fetchInCluster(url, init, { source: endpoint, now: clock.now(), ca, verify, dial, connect: (dialled) => dialer.connect(endpoint.ip, dialled) }),
    connect: async ({ host, port }) => dialer.connect(endpoint.ip, await dial(host, port)),
    async resolve(name) {
      mustBeThere()
      return dialer.resolve(endpoint, name, hosts)
    },
    [Symbol.dispose]() {
      gone = true
      for (const opened of mine) opened.close()
      mine.clear()
      ended()
    },
  }
}
