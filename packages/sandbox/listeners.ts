import type { Duplex } from 'node:stream'
import type { Peer, WebServer } from '@idp/http'
import { CodedError } from '@idp/kit'
import type { ListenOptions } from './net.ts'
import type { Endpoint } from './network-policy.ts'

/** An open port: either a web server (requests are handed over as values) or a taker of raw connections. `owner` is who listens: several share a node's address. */
export type OpenPort =
  | { readonly type: 'web'; readonly server: WebServer; readonly tls: ListenOptions['tls']; readonly closed: AbortSignal; readonly owner?: Endpoint }
  | { readonly type: 'raw'; readonly accept: (connection: Duplex, peer: Peer) => void; readonly closed: AbortSignal; readonly owner?: Endpoint }

/** Which ports are open at which address. */
export interface Listeners {
  /** Throws `PortInUse`. Port 0 takes a free one. Returns what closes it. */
  open(ip: string, port: number, what: (closed: AbortSignal) => OpenPort): { readonly port: number; close(): void }
  at(ip: string, port: number): OpenPort | undefined
  /** Calls `changed` whenever a port of `ip` opens or closes. */
  onChange(ip: string, changed: () => void): Disposable
}

const firstEphemeral = 32_768
const lastPort = 65_535

export function createListeners(): Listeners {
  const ports = new Map<string, OpenPort>()
  const watchers = new Map<string, Set<() => void>>()
  const tell = (ip: string) => {
    for (const changed of watchers.get(ip) ?? []) changed()
  }
  const free = (ip: string) => {
    for (let port = firstEphemeral; port <= lastPort; port++) if (!ports.has(`${ip}:${port}`)) return port
    throw new CodedError({ code: 'PortInUse', message: 'every ephemeral port is in use', where: ip })
  }
  return {
    open(ip, wanted, what) {
      const port = wanted === 0 ? free(ip) : wanted
      const key = `${ip}:${port}`
      if (!Number.isInteger(port) || port < 0 || port > lastPort) throw new CodedError({ code: 'PortInvalid', message: `${port} is not a port`, where: ip, remedy: 'use 1 to 65535' })
      if (ports.has(key)) throw new CodedError({ code: 'PortInUse', message: `port ${port} is already open`, where: key, remedy: 'two containers of a pod cannot listen on the same port' })
      const closing = new AbortController()
      ports.set(key, what(closing.signal))
      tell(ip)
      return {
        port,
        close() {
          if (closing.signal.aborted) return
          ports.delete(key)
          closing.abort(new CodedError({ code: 'ConnectionReset', message: 'the server closed the connection', where: key }))
          tell(ip)
        },
      }
    },
    at: (ip, port) => ports.get(`${ip}:${port}`),
    onChange(ip, changed) {
      const found = watchers.get(ip) ?? new Set()
      watchers.set(ip, found.add(changed))
      return {
        [Symbol.dispose]() {
          found.delete(changed)
          if (found.size === 0) watchers.delete(ip)
        },
      }
    },
  }
}
