import type { ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import type { Outgoing } from './node-request.ts'
import { readyBody } from './respond.ts'

/** Headers of one connection, meaningless in HTTP/2 and Node's business in HTTP/1.1. */
const hopByHop = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])

/**
 * Writes a web Response. Streams go out as they come, at the pace of the reader; the body is cancelled when the caller goes
 * away. Rejects when the body fails, and has then cut the connection, so that the caller sees that it is incomplete.
 */
export async function sendResponse(response: Response, outgoing: Outgoing, method: string): Promise<void> {
  if (outgoing.destroyed) return void response.body?.cancel()
  outgoing.statusCode = response.status
  if (outgoing.req.httpVersionMajor === 1 && response.statusText !== '') outgoing.statusMessage = response.statusText
  for (const [name, value] of response.headers) if (!hopByHop.has(name) && name !== 'set-cookie') outgoing.setHeader(name, value)
  const cookies = response.headers.getSetCookie()
  if (cookies.length > 0) outgoing.setHeader('set-cookie', cookies)
  const ready = readyBody(response)
  if (ready !== undefined) {
    if (!response.headers.has('content-length')) outgoing.setHeader('content-length', typeof ready === 'string' ? Buffer.byteLength(ready) : ready.length)
    if (method === 'HEAD') outgoing.end()
    else outgoing.end(ready)
    return
  }
  const { body } = response
  if (body === null) return void outgoing.end()
  if (method === 'HEAD') {
    outgoing.end()
    return await body.cancel()
  }
  const stream: Writable & { flushHeaders(): void } = outgoing as ServerResponse // Http2ServerResponse flushes as well; Node's types do not know
  stream.flushHeaders()
  await pump(body, stream)
}

async function pump(body: ReadableStream<Uint8Array>, outgoing: Writable): Promise<void> {
  const reader = body.getReader()
  const closed = (): void => { reader.cancel(new DOMException('the caller went away', 'AbortError')).catch(() => undefined) } // a failing cancel has nobody left to tell
  outgoing.once('close', closed)
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done || outgoing.destroyed) break
      if (!outgoing.write(value)) await drained(outgoing)
    }
    outgoing.end()
  } catch (error) {
    outgoing.destroy()
    throw error
  } finally {
    outgoing.off('close', closed)
  }
}

/** Resolves when more can be written, or nothing ever will. */
function drained(outgoing: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.off('drain', done).off('close', done)
      resolve()
    }
    outgoing.on('drain', done).on('close', done)
  })
}
