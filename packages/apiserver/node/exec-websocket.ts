import type { Duplex } from 'node:stream'
import { ApiError, type Status } from '@idp/api'
import { WebSocket } from 'ws'
import { apiErrorOf } from '../answer.ts'
import { isTrue } from '../request-info.ts'
import type { ResourceRequest } from '../server-context.ts'
import { acceptWebSocket } from './accept-websocket.ts'
import { pushQueue } from './push-queue.ts'
import { nodesOf, podAndContainer } from './running-pod.ts'

/** The first byte of each message says what it belongs to. */
const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 }

/** exec and attach over a WebSocket: `v5.channel.k8s.io` (can close stdin) and `v4.channel.k8s.io`. */
export async function execOverWebSocket(request: ResourceRequest, connection: Duplex, head: Uint8Array): Promise<void> {
  const { search, info, server } = request
  const { pod, container } = podAndContainer(request)
  const nodes = nodesOf(request)
  const command = search.getAll('command')
  if (info.subresource === 'exec' && command.length === 0) throw new ApiError('BadRequest', 'you must specify at least one command for the container')
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') throw new ApiError('BadRequest', `cannot exec into a container in a completed pod; current phase is ${pod.status.phase}`)
  const { socket } = await acceptWebSocket(request.request, { socket: connection, head }, ['v5.channel.k8s.io', 'v4.channel.k8s.io'])
  const stop = new AbortController()
  const stdin = pushQueue<Uint8Array>()
  const resize = pushQueue<{ width: number; height: number }>()
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
  const options = { container, tty: flag(search, 'tty'), stdin: flag(search, 'stdin'), signal: stop.signal }
  if (!options.stdin) stdin.end()
  const streams = { stdin, resize, stdout: send(channel.stdout), stderr: send(options.tty ? channel.stdout : channel.stderr) }
  let status: Partial<Status>
  try {
    if (info.subresource === 'exec') status = exitStatus(await nodes.exec(pod, { ...options, command }, streams))
    else {
      await nodes.attach(pod, options, streams)
      status = exitStatus(0)
    }
  } catch (error) {
    status = apiErrorOf(error, server.log).toStatus()
  }
  send(channel.error)(JSON.stringify(status))
  socket.close(1000)
}

function receive(data: Buffer, stdin: ReturnType<typeof pushQueue<Uint8Array>>, resize: ReturnType<typeof pushQueue<{ width: number; height: number }>>): void {
  const body = data.subarray(1)
  if (data[0] === channel.stdin) stdin.push(body)
  else if (data[0] === channel.close && body[0] === channel.stdin) stdin.end()
  else if (data[0] === channel.resize) {
    const size = parseSize(body)
    if (size !== undefined) resize.push(size)
  }
}

function parseSize(body: Buffer): { width: number; height: number } | undefined {
  try {
    const { Width, Height } = JSON.parse(body.toString()) as { Width?: number; Height?: number }
    return Width === undefined || Height === undefined ? undefined : { width: Width, height: Height }
  } catch {
    // A terminal size that cannot be read changes nothing.
    return undefined
  }
}

function flag(search: URLSearchParams, name: string): boolean {
  return search.has(name) && isTrue(search.get(name))
}

/** What the error channel says at the end; kubectl takes its own exit code from it. */
function exitStatus(code: number): Partial<Status> {
  if (code === 0) return { metadata: {}, status: 'Success' }
  return {
    metadata: {}, status: 'Failure', reason: 'NonZeroExitCode' as never, message: `command terminated with non-zero exit code: exit status ${code}`,
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  }
}
