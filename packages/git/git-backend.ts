import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { spawnGit } from './git-command.ts'

export interface BackendRequest {
  readonly dir: string
  readonly action: string
  readonly query: string
  readonly user: string | undefined
  readonly address: string
  readonly body: AsyncIterable<Uint8Array> | undefined
}

/** Answers one request by `git http-backend` (CGI, RFC 3875): what this package does not serve itself. */
export async function gitBackend(request: Request, { dir, action, query, user, address, body }: BackendRequest): Promise<Response> {
  const header = (name: string): string => request.headers.get(name) ?? ''
  const child = spawnGit(['http-backend'], {
    env: {
      // Project root plus path info is the repository; its last part is given apart so that no name can lead elsewhere.
      GIT_PROJECT_ROOT: dir, PATH_INFO: `/${action}`, GIT_HTTP_EXPORT_ALL: '1', REQUEST_METHOD: request.method, QUERY_STRING: query,
      CONTENT_TYPE: header('content-type'), HTTP_CONTENT_ENCODING: header('content-encoding'), GIT_PROTOCOL: header('git-protocol'),
      REMOTE_ADDR: address, ...(user === undefined ? {} : { REMOTE_USER: user }),
    },
  })
  child.stdin.on('error', () => undefined)
  request.signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true })
  const failed = new Promise<never>((_resolve, reject) => child.once('error', reject))
  const [response] = await Promise.race([Promise.all([answer(child), sendBody(body, child)]), failed])
  return response
}

async function sendBody(body: BackendRequest['body'], child: ChildProcessWithoutNullStreams): Promise<void> {
  if (body !== undefined) {
    for await (const chunk of body) {
      if (child.stdin.destroyed) break
      if (!child.stdin.write(chunk)) await new Promise<void>((resolve) => child.stdin.once('drain', resolve).once('close', resolve))
    }
  }
  child.stdin.end()
}

/** Reads the CGI head, then hands the rest through as it comes. */
async function answer(child: ChildProcessWithoutNullStreams): Promise<Response> {
  const chunks = child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => { said = (said + chunk.toString()).slice(-2000) })
  let head: Buffer = Buffer.alloc(0)
  let end = -1
  while (end < 0) {
    const next = await chunks.next()
    if (next.done === true) return new Response(`git http-backend failed: ${said.trim() || 'no answer'}\n`, { status: 500, headers: { 'content-type': 'text/plain; charset=utf-8' } })
    head = Buffer.concat([head, next.value])
    end = head.indexOf('\r\n\r\n')
  }
  const headers = new Headers()
  let status = 200
  for (const line of head.toString('latin1', 0, end).split('\r\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    const value = line.slice(colon + 1).trim()
    if (name.toLowerCase() === 'status') status = Number(value.slice(0, 3))
    else headers.append(name, value)
  }
  const rest = head.subarray(end + 4)
  return new Response(new ReadableStream<Uint8Array>({
    start(controller) { if (rest.length > 0) controller.enqueue(rest) },
    async pull(controller) {
      const next = await chunks.next()
      if (next.done === true) controller.close()
      else controller.enqueue(next.value)
    },
    cancel() { child.kill('SIGTERM') },
  }), { status, headers })
}
