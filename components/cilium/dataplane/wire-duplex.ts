import { Duplex } from 'node:stream'
import type { Wire } from './wire.ts'

/**
 * A wire as a stream, for what only speaks to streams (Node's HTTP/2). Closes only when nothing is being written: see `settledDuplex`.
 * @param first what has been read already
 */
export function wireDuplex(wire: Wire, first: Buffer): Duplex {
  let waiting: (() => void) | undefined
  const release = (): void => {
    const callback = waiting
    waiting = undefined
    callback?.()
  }
  const duplex = new Duplex({
    read() {
      wire.resume()
    },
    write(chunk: Buffer, _encoding, callback) {
      if (wire.destroyed || wire.sendBytes(chunk, 0, chunk.length)) callback()
      else waiting = callback
    },
    final(callback) {
      wire.end()
      callback()
    },
    destroy(error, callback) {
      wire.destroy()
      callback(error)
    },
  })
  wire.reader = {
    bytes(bytes, end) {
      if (!duplex.push(Buffer.from(bytes.subarray(0, end)))) wire.pause()
    },
    drained: release,
    ended: () => void duplex.push(null),
    closed() {
      release()
      setImmediate(() => setImmediate(() => duplex.destroy()))
    },
  }
  duplex.push(first)
  return duplex
}
