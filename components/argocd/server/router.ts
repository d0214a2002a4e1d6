import { ApiError } from '@idp/api'
import type { Handler } from '@idp/http'
import { CodedError, messageOf, type Log } from '@idp/kit'

/** One call of the API. */
export interface Call {
  readonly request: Request
  readonly url: URL
  /** The `{name}` parts of the path. */
  readonly path: Readonly<Record<string, string>>
  readonly user: string
  /** The body as JSON; an empty one is `{}`. */
  json<T>(): Promise<T>
}

export interface Route { readonly method: string; readonly pattern: string; run(call: Call): Promise<Response> | Response }

export interface RouterOptions { readonly routes: readonly Route[]; readonly log: Log; user(request: Request): string | undefined; otherwise: Handler }

/** Finds the route, asks who calls, and turns failures into upstream's JSON: `{ error, code, message }` with gRPC codes. */
export function router({ routes, log, user, otherwise }: RouterOptions): Handler {
  const compiled = routes.map((route) => ({ route, ...compile(route.pattern) }))
  return async (request, peer) => {
    const url = new URL(request.url)
    const fitting = compiled.map((one) => ({ ...one, match: one.expression.exec(url.pathname) })).filter((one) => one.match !== null)
    if (fitting.length === 0) return otherwise(request, peer)
    const found = fitting.find((one) => one.route.method === request.method)
    if (found === undefined) return failure(405, 12, `method ${request.method} is not allowed here`)
    const who = user(request)
    if (who === undefined) return failure(401, 16, 'no session information')
    if (request.method !== 'GET' && !isJson(request)) return failure(415, 3, 'Invalid content type')
    const path = Object.fromEntries(found.names.map((name, at) => [name, decodeURIComponent(found.match?.[at + 1] ?? '')]))
    try {
      return await found.route.run({ request, url, path, user: who, json: () => readJson(request) })
    } catch (error) {
      return answerFailure(error, log)
    }
  }
}

function compile(pattern: string): { expression: RegExp; names: string[] } {
  const names: string[] = []
  const source = pattern.replace(/\{(\w+)\}/g, (_whole, name: string) => {
    names.push(name)
    return '([^/]+)'
  })
  return { expression: new RegExp(`^${source}$`), names }
}

/** A form on another site cannot send JSON: this keeps cookies from being used by others. */
function isJson(request: Request): boolean {
  return (request.headers.get('content-type') ?? '').startsWith('application/json') || (request.body === null && request.headers.get('content-type') === null)
}

async function readJson<T>(request: Request): Promise<T> {
  const text = await request.text()
  try {
    return (text === '' ? {} : JSON.parse(text)) as T
  } catch (error) {
    throw new CodedError({ code: 'InvalidJson', message: `the body is not JSON: ${messageOf(error)}` })
  }
}

export function failure(status: number, code: number, message: string): Response {
  return Response.json({ error: message, code, message }, { status })
}

function answerFailure(error: unknown, log: Log): Response {
  if (error instanceof ApiError) return failure(error.code, grpcCodes[error.code] ?? 2, error.message)
  if (error instanceof CodedError) return failure(400, 3, `${error.message}${error.remedy === undefined ? '' : `. ${error.remedy}`}`)
  log.error('request failed', { error: messageOf(error), stack: error instanceof Error ? error.stack : undefined })
  return failure(500, 13, messageOf(error))
}

const grpcCodes: Readonly<Record<number, number>> = { 400: 3, 401: 16, 403: 7, 404: 5, 409: 6, 422: 3, 429: 8, 503: 14 }
