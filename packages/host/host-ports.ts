import type { Duplex } from 'node:stream'
import { listenRaw } from '@idp/http'
import { isCoded, messageOf, type Log } from '@idp/kit'
import type { Fabric } from '@idp/sandbox'
import type { HostPort } from './cluster-options.ts'

/** Opens ports of the machine whose connections go to node ports of the cluster. Returns the port numbers in order. @throws CodedError `PortTaken` */
export async function openHostPorts(ports: readonly HostPort[], fabric: Fabric, log: Log, stack: AsyncDisposableStack): Promise<number[]> {
  const opened = await Promise.allSettled(ports.map(({ port, nodePort, host, setting }) => listenRaw(
    { port, ...(host === undefined ? {} : { host }), ...(setting === undefined ? {} : { setting }) },
    (socket, { address }) => enter(fabric, socket, nodePort, address, log),
  )))
  // Those that are open must be closed with the rest when another is taken.
  for (const one of opened) if (one.status === 'fulfilled') stack.use(one.value)
  return opened.map((one) => {
    if (one.status === 'rejected') throw one.reason
    return one.value.port
  })
}

/** As k3d's load balancer: a pod that does not listen yet is passed over for the next. */
const tries = 3

function enter(fabric: Fabric, socket: Duplex, nodePort: number, from: string, log: Log, left = tries): void {
  try {
    fabric.enter(socket, nodePort, from)
  } catch (error) {
    if (left > 1 && isCoded(error, 'ConnectionRefused')) return enter(fabric, socket, nodePort, from, log, left - 1)
    // As a node whose Service has no endpoint: the connection is refused.
    if (!isCoded(error)) log.error('a connection could not be handed in', { nodePort, error: messageOf(error) })
    socket.destroy()
  }
}
