import type { Duplex } from 'node:stream'
import { ApiError } from '@idp/api'

/** Switches a connection to SPDY/3.1 with the first of `protocols` that the caller offers. Throws ApiError when there is none. */
export function acceptSpdy(request: Request, connection: Duplex, head: Uint8Array, protocols: readonly string[]): Duplex {
  const offered = (request.headers.get('x-stream-protocol-version') ?? '').split(',').map((text) => text.trim()).filter((text) => text !== '')
  const protocol = offered.length === 0 ? protocols[0] : protocols.find((name) => offered.includes(name))
  if (protocol === undefined) throw new ApiError('Forbidden', `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${protocols.join(' ')}]`)
  connection.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: SPDY/3.1\r\nx-stream-protocol-version: ${protocol}\r\n\r\n`)
  if (head.length > 0) connection.unshift(Buffer.from(head))
  return connection
}
