import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import type { ResourceRequest } from '../server-context.ts'
import { acceptWebSocket } from './accept-websocket.ts'
import { execSession } from './exec-session.ts'
import { pushQueue, type PushQueue } from './push-queue.ts'
import { parseTerminalSize, type TerminalSize } from './terminal-size.ts'

/** The first byte of each message says what it belongs to. */
const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 }

/** exec and attach over a WebSocket: `v5.channel.k8s.io` (can close stdin) and `v4.channel.k8s.io`. */
export async function execOverWebSocket(request: ResourceRequest, connection: Duplex, head: Uint8Array): Promise<void> {
  const session = execSession(request)
  const { socket } = await acceptWebSocket(request.request, { socket: connection, head }, ['v5.channel.k8s.io', 'v4.channel.k8s.io'])
  const stop = new AbortController()
  const stdin = pushQueue<Uint8Array>()
  const resize = pushQueue<TerminalSize>()
  const end = () => {
    stdin.end()
    resize.end()
    stop.abort()
  }
  socket.on('message', (data: Buffer) => receive(data, stdin, resize))
  socket.on('close', end)
  socket.on('error', end)
  const send = (to: number) => (chunk: Uint8Array | string) => {
    if (socket.readyState === WebSocket.OPEN && chunk.length > 0) socket.send(Buffer.concat([Buffer.of(to), typeof chunk === 'string' ? Buffer.from(chunk) : chunk]))
  }
  if (!session.stdin) stdin.end()
  const status = await session.run({ stdin, resize, stdout: send(channel.stdout), stderr: send(session.tty ? channel.stdout : channel.stderr) }, stop.signal)
  send(channel.error)(JSON.stringify(status))
  socket.close(1000)
}

function receive(data: Buffer, stdin: PushQueue<Uint8Array>, resize: PushQueue<TerminalSize>): void {
  const body = data.subarray(1)
  if (data[0] === channel.stdin) stdin.push(body)
  else if (data[0] === channel.close && body[0] === channel.stdin) stdin.end()
  else if (data[0] === channel.resize) {
    const size = parseTerminalSize(body)
    if (size !== undefined) resize.push(size)
  }
}
