import { CodedError } from '@idp/kit'
import { parseRemoteUrl, type GitCredentials } from './remote-url.ts'

/** The part of `fetch` that is used; `Net.fetch` of a container fits, and so does the global one. */
export type HttpFetch = (url: string, init?: RequestInit) => Promise<Response>

/** A repository behind smart HTTP. */
export interface Remote {
  readonly url: string
  readonly credentials?: GitCredentials | undefined
  readonly fetch: HttpFetch
  readonly signal?: AbortSignal
}

export interface SmartRequest { readonly path: string; readonly body?: string | ReadableStream<Uint8Array> | Uint8Array; readonly contentType?: string; readonly protocol?: string }

/**
 * One request to a Git server. Throws CodedError `GitAuthenticationRequired` (401, 403), `RepositoryNotFound` (404),
 * `GitServerFailed` (others), `GitUnreachable`.
 */
export async function smartRequest(remote: Remote, { path, body, contentType, protocol }: SmartRequest): Promise<Response> {
  const { url, credentials = remote.credentials } = parseRemoteUrl(remote.url)
  const headers: Record<string, string> = { 'user-agent': 'git/2.39.0 (idp)' }
  if (protocol !== undefined) headers['git-protocol'] = protocol
  if (contentType !== undefined) headers['content-type'] = contentType
  if (credentials !== undefined) headers['authorization'] = `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`
  const init: RequestInit & { duplex?: 'half' } = { method: body === undefined ? 'GET' : 'POST', headers }
  if (remote.signal !== undefined) init.signal = remote.signal
  if (body !== undefined) init.body = body as NonNullable<RequestInit['body']>
  if (body instanceof ReadableStream) init.duplex = 'half'
  let response: Response
  try {
    response = await remote.fetch(`${url}/${path}`, init)
  } catch (error) {
    const why = error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : String(error)
    throw new CodedError({ code: 'GitUnreachable', message: `the Git server does not answer: ${why}`, where: url, remedy: 'Check the host name and that the server runs', cause: error })
  }
  if (response.ok) return response
  await response.body?.cancel()
  throw answerFailure(response.status, url, credentials)
}

function answerFailure(status: number, url: string, credentials: GitCredentials | undefined): CodedError {
  if (status === 401 || status === 403) {
    const message = credentials === undefined ? 'authentication required' : 'the credentials were refused'
    return new CodedError({ code: 'GitAuthenticationRequired', message: `${message} (HTTP ${status})`, where: url, remedy: 'Add or correct the credentials of this repository' })
  }
  if (status === 404) return new CodedError({ code: 'RepositoryNotFound', message: 'repository not found', where: url, remedy: 'Check the URL of the repository' })
  return new CodedError({ code: 'GitServerFailed', message: `the Git server answered HTTP ${status}`, where: url })
}

/** The body of a response as chunks. */
export async function* bodyChunks(response: Response): AsyncGenerator<Uint8Array> {
  if (response.body === null) return
  const reader = response.body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
