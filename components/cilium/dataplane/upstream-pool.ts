import type { Duplex } from 'node:stream'
import { UpstreamConnection } from './upstream-connection.ts'

/** Idle connections kept for each address. */
const MAX_IDLE = 128
/** Sweeps after which an idle connection is closed. */
const IDLE_TICKS = 60

export interface UpstreamPool extends Disposable {
  /** An idle connection, if there is one. */
  take(address: string): UpstreamConnection | undefined
  /** A new one. Rejects as `connect` does. */
  open(address: string): Promise<UpstreamConnection>
  /** Called about once a second: closes what has been idle for long. */
  sweep(): void
}

/** Connections to backends by `ip:port`, used again when they are idle; the last used first. */
export function upstreamPool(connect: (target: { readonly host: string; readonly port: number }) => Promise<Duplex>): UpstreamPool {
  const idle = new Map<string, UpstreamConnection[]>()
  const all = new Set<UpstreamConnection>()
  let tick = 0
  return {
    take(address) {
      const list = idle.get(address)
      for (let connection = list?.pop(); connection !== undefined; connection = list?.pop()) if (!connection.destroyed) return connection
      return undefined
    },
    async open(address) {
      const colon = address.lastIndexOf(':')
      const socket = await connect({ host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) })
      const connection = new UpstreamConnection(socket, (released, reusable) => {
        if (!reusable) {
          all.delete(released)
          const list = idle.get(address)
          const at = list?.indexOf(released) ?? -1
          if (at >= 0) list?.splice(at, 1)
          return
        }
        let list = idle.get(address)
        if (list === undefined) idle.set(address, (list = []))
        if (list.length >= MAX_IDLE) return void released.destroy()
        released.idleSince = tick
        list.push(released)
      })
      all.add(connection)
      return connection
    },
    sweep() {
      tick++
      for (const [address, list] of idle) {
        while (list[0] !== undefined && tick - list[0].idleSince > IDLE_TICKS) list.shift()?.destroy()
        if (list.length === 0) idle.delete(address)
      }
    },
    [Symbol.dispose]() {
      for (const connection of all) connection.destroy()
    },
  }
}
