import type { Wire, WireReader } from './wire.ts'

interface End { readonly wire: Wire; readonly rest: Buffer | undefined }

/** Joins two connections until both have ended. @param done told of the bytes that `from` has sent to `to` */
export function splice(to: End, from: End, done: (bytes: number) => void): void {
  let sent = 0
  let over = false
  const close = (): void => {
    to.wire.destroy()
    from.wire.destroy()
    if (over) return
    over = true
    done(sent)
  }
  to.wire.reader = passOn(to.wire, from.wire, () => {}, close)
  from.wire.reader = passOn(from.wire, to.wire, (count) => { sent += count }, close)
  if (to.wire.destroyed || from.wire.destroyed) return close()
  if (from.rest !== undefined) to.wire.sendBytes(from.rest, 0, from.rest.length)
  if (to.rest !== undefined) from.wire.sendBytes(to.rest, 0, to.rest.length)
  to.wire.resume()
  from.wire.resume()
}

function passOn(source: Wire, target: Wire, count: (bytes: number) => void, close: () => void): WireReader {
  return {
    bytes(bytes, end) {
      count(end)
      if (!target.sendBytes(bytes, 0, end)) source.pause()
    },
    drained: () => target.resume(),
    ended: () => target.end(),
    closed: close,
  }
}
