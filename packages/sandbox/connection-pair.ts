import { duplexPair, type Duplex } from 'node:stream'

/** Two ends of a connection in memory. As with a socket, an end that is cut off takes the other with it; one that has ended in order does not. */
export function connectionPair(): [Duplex, Duplex] {
  const [near, far] = duplexPair()
  const follow = (one: Duplex, other: Duplex) => one.once('close', () => {
    if (!(one.writableFinished && one.readableEnded)) other.destroy()
  })
  follow(near, far)
  follow(far, near)
  return [near, far]
}
