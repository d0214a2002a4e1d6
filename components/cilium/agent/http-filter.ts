import type { Clock } from '@idp/kit'
import type { HttpFilter } from '@idp/sandbox'
import type { Layer7 } from '../hubble/flow.ts'
import { pathOf, type HeaderEdit, type HttpMatcher } from '../policy/http-match.ts'

/** One request or answer, as it is recorded. */
export interface HttpObserved { readonly layer7: Extract<Layer7, { http: unknown }>; readonly verdict: 'FORWARDED' | 'DROPPED' }

const denied = 'Access denied\r\n'

/** The proxy step of HTTP rules: a request that no rule matches is answered with 403, as upstream's Envoy answers it. No rule at all: every request passes, and is seen. */
export function httpFilter(rules: readonly HttpMatcher[], { clock, observe }: { readonly clock: Pick<Clock, 'now'>; observe(seen: HttpObserved): void }): HttpFilter {
  return async (request, next) => {
    const startedAt = clock.now()
    const about = { method: request.method, url: urlOf(request) }
    const answered = (code: number, verdict: HttpObserved['verdict']) => observe({ verdict, layer7: { type: 'RESPONSE', latencyMs: clock.now() - startedAt, http: { ...about, code } } })
    const edits = rules.length === 0 ? [] : firstMatch(rules, request)
    observe({ verdict: edits === undefined ? 'DROPPED' : 'FORWARDED', layer7: { type: 'REQUEST', http: about } })
    if (edits === undefined) {
      answered(403, 'FORWARDED')
      return new Response(denied, { status: 403, statusText: 'Forbidden', headers: { 'content-type': 'text/plain', server: 'envoy' } })
    }
    const response = await next(edits.length === 0 ? request : edited(request, edits))
    answered(response.status, 'FORWARDED')
    return response
  }
}

function firstMatch(rules: readonly HttpMatcher[], request: Request): readonly HeaderEdit[] | undefined {
  for (const rule of rules) {
    const edits = rule(request)
    if (edits !== undefined) return edits
  }
  return undefined
}

/** Without query: it may hold secrets. */
function urlOf(request: Request): string {
  const { protocol, host } = new URL(request.url)
  return `${protocol}//${request.headers.get('host') ?? host}${pathOf(request).split('?')[0] ?? '/'}`
}

function edited(request: Request, edits: readonly HeaderEdit[]): Request {
  const headers = new Headers(request.headers)
  for (const { action, name, value } of edits) {
    if (action === 'delete') headers.delete(name)
    else headers[action](name, value)
  }
  return new Request(request, { headers })
}
