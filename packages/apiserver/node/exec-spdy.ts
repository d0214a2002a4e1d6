import type { Duplex } from 'node:stream'
import type { ResourceRequest } from '../server-context.ts'
import { acceptSpdy } from './accept-spdy.ts'
import { execSession } from './exec-session.ts'
import { pushQueue } from './push-queue.ts'
import { serveSpdy, type SpdyStream } from './spdy-connection.ts'
import { parseTerminalSize, type TerminalSize } from './terminal-size.ts'

/** exec and attach over SPDY, for clients from before WebSockets: one stream each for error, stdin, stdout, stderr and resize. */
export async function execOverSpdy(request: ResourceRequest, connection: Duplex, head: Uint8Array): Promise<void> {
  const session = execSession(request)
  const wanted = ['error', ...(session.stdin ? ['stdin'] : []), ...(session.stdout ? ['stdout'] : []), ...(session.stderr ? ['stderr'] : []), ...(session.tty ? ['resize'] : [])]
  const streams = new Map<string, SpdyStream>()
  const stop = new AbortController()
  const resize = pushQueue<TerminalSize>()
  const run = async () => {
    const sizes = streams.get('resize')
    if (sizes !== undefined) void readSizes(sizes, resize)
    const write = (name: string) => (chunk: Uint8Array | string) => streams.get(name)?.write(chunk)
    const status = await session.run({ stdin: streams.get('stdin')?.input ?? noInput, resize, stdout: write('stdout'), stderr: write(session.tty ? 'stdout' : 'stderr') }, stop.signal)
    for (const name of ['stdout', 'stderr']) streams.get(name)?.end()
    streams.get('error')?.write(JSON.stringify(status))
    streams.get('error')?.end()
  }
  const accepted = acceptSpdy(request.request, connection, head, ['v5.channel.k8s.io', 'v4.channel.k8s.io'])
  try {
    await serveSpdy(accepted, (stream) => {
      streams.set(stream.headers.get('streamtype') ?? '', stream)
      if (streams.size === wanted.length && wanted.every((name) => streams.has(name))) void run().finally(() => accepted.end())
    })
  } catch {
    // The client went away in the middle of a frame.
  } finally {
    resize.end()
    stop.abort()
    accepted.destroy()
  }
}

async function readSizes(stream: SpdyStream, into: { push(size: TerminalSize): void }): Promise<void> {
  for await (const chunk of stream.input) {
    const size = parseTerminalSize(chunk)
    if (size !== undefined) into.push(size)
  }
}

const noInput: AsyncIterable<Uint8Array> = { async *[Symbol.asyncIterator]() {} }
