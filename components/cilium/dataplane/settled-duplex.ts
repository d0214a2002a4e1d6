import { Duplex } from 'node:stream'

/**
 * A connection that closes only when nothing is being written. Node's HTTP/2 over a stream in memory asserts that no write
 * is under way when the other side vanishes, and an assertion would end the whole proxy.
 */
export function settledDuplex(inner: Duplex): Duplex {
  let waiting: (() => void) | undefined
  const release = (): void => {
    const callback = waiting
    waiting = undefined
    callback?.()
  }
  const outer = new Duplex({
    read() {
      inner.resume()
    },
    write(chunk: Buffer, _encoding, callback) {
      if (inner.destroyed || !inner.writable || inner.write(chunk)) callback()
      else waiting = callback
    },
    final(callback) {
      inner.end()
      callback()
    },
    destroy(error, callback) {
      inner.destroy()
      callback(error)
    },
  })
  inner.on('data', (chunk: Buffer) => { if (!outer.push(chunk)) inner.pause() })
  inner.on('drain', release)
  inner.on('end', () => outer.push(null))
  inner.on('error', () => {}) // the close says it
  inner.on('close', () => {
    release()
    setImmediate(() => setImmediate(() => outer.destroy()))
  })
  return outer
}
