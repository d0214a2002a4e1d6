import { request as httpRequest, type IncomingMessage } from 'node:http'
import { Readable, type Duplex } from 'node:stream'
import { CodedError, messageOf } from '@idp/kit'

/** Statuses whose answers have no body. */
const bodiless = new Set([204, 205, 304])

/**
 * Sends one HTTP/1.1 request over a connection of its own and returns the answer; redirects are the caller's business.
 * The connection is closed at the end of the body. Aborting the request's signal cuts it.
 * @throws CodedError `ConnectionFailed` when the other side closes before it has answered or speaks no HTTP
 */
export async function fetchOver(connect: Duplex | (() => Duplex | Promise<Duplex>), request: Request): Promise<Response> {
  const { signal } = request
  signal.throwIfAborted()
  const connection = typeof connect === 'function' ? await connect() : connect
  const url = new URL(request.url)
  const headers: Record<string, string | string[]> = { host: url.host }
  for (const [name, value] of request.headers) headers[name] = value
  headers['connection'] = 'close'
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = httpRequest({ method: request.method, path: `${url.pathname}${url.search}`, headers, setHost: false, createConnection: () => connection })
    const cut = (): void => {
      outgoing.destroy()
      connection.destroy()
      reject(signal.reason)
    }
    signal.addEventListener('abort', cut, { once: true })
    connection.once('close', () => signal.removeEventListener('abort', cut))
    outgoing.on('response', resolve)
    outgoing.on('upgrade', (_answer, socket) => {
      socket.destroy()
      reject(failed(url, 'it switched to another protocol'))
    })
    outgoing.on('error', (error) => {
      connection.destroy()
      reject(failed(url, messageOf(error), error))
    })
    if (request.body === null) outgoing.end()
    else Readable.fromWeb(request.body as Parameters<typeof Readable.fromWeb>[0]).on('error', (error) => outgoing.destroy(error)).pipe(outgoing)
  })
  answer.once('close', () => connection.destroy())
  const answerHeaders = new Headers()
  for (let i = 0; i + 1 < answer.rawHeaders.length; i += 2) answerHeaders.append(answer.rawHeaders[i] ?? '', answer.rawHeaders[i + 1] ?? '')
  const status = answer.statusCode ?? 502
  if (bodiless.has(status) || request.method === 'HEAD') {
    answer.resume()
    return new Response(null, { status, statusText: answer.statusMessage ?? '', headers: answerHeaders })
  }
  return new Response(Readable.toWeb(answer) as ReadableStream, { status, statusText: answer.statusMessage ?? '', headers: answerHeaders })
}

function failed(url: URL, why: string, cause?: unknown): CodedError {
  return new CodedError({ code: 'ConnectionFailed', message: `${url.host} did not answer: ${why}`, where: url.host, remedy: 'check that the server runs and speaks HTTP on that port', cause })
}
