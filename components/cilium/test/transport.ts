import { connect, type Socket } from 'node:net'
import { duplexPair, type Duplex } from 'node:stream'
import { listenRaw } from '@idp/http'

/** How two ends are joined: in memory, or by loopback. The data path takes another way through Node for each. */
export interface Transport extends AsyncDisposable {
  /** Joins the end that is returned with another that `accept` gets, now or a little later. */
  pair(accept: (far: Duplex) => void): Duplex
}

export const memory: Transport = {
  pair(accept) {
    const [near, far] = duplexPair()
    accept(far)
    return near
  },
  async [Symbol.asyncDispose]() {},
}

/** Loopback takes connections in the order in which they are begun. */
export async function sockets(): Promise<Transport> {
  const waiting: ((far: Duplex) => void)[] = []
  const open = new Set<Socket>()
  const listening = await listenRaw({ port: 0 }, (socket) => waiting.shift()?.(socket))
  return {
    pair(accept) {
      waiting.push(accept)
      const near = connect({ port: listening.port, host: '127.0.0.1', noDelay: true })
      open.add(near)
      near.once('close', () => open.delete(near))
      return near
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      await listening[Symbol.asyncDispose]()
    },
  }
}
