import type { Cors, HeaderEdit } from '../engine/route-action.ts'
import type { Exchange } from './exchange.ts'
import { getHeader, type HeaderList } from './header-list.ts'

/** What the CORS filter (Gateway API, HTTPCORSFilter) makes of a request: an answer to a preflight, or headers for the real answer. */
export type CorsVerdict = { readonly preflight: HeaderList } | { readonly response: readonly HeaderEdit[] }

export function applyCors(cors: Cors, exchange: Exchange): CorsVerdict {
  const origin = getHeader(exchange.headers, 'origin')
  if (origin === undefined) return { response: [] }
  const preflight = exchange.method === 'OPTIONS' && getHeader(exchange.headers, 'access-control-request-method') !== undefined
  if (!cors.origins.some((allowed) => allowsOrigin(allowed, origin))) return preflight ? { preflight: [] } : { response: [] }
  const set: [string, string][] = [['access-control-allow-origin', cors.origins.includes('*') && !cors.credentials ? '*' : origin]]
  if (cors.credentials) set.push(['access-control-allow-credentials', 'true'])
  if (cors.expose.length > 0) set.push(['access-control-expose-headers', cors.expose.join(', ')])
  if (!preflight) {
    return { response: [{ set, add: set[0]?.[1] === '*' ? [] : [['vary', 'Origin']], remove: [] }] }
  }
  const asked = (name: string, allowed: readonly string[]): string | undefined => (allowed.includes('*') ? getHeader(exchange.headers, name) : allowed.length === 0 ? undefined : allowed.join(', '))
  const methods = asked('access-control-request-method', cors.methods)
  const headers = asked('access-control-request-headers', cors.headers)
  if (methods !== undefined) set.push(['access-control-allow-methods', methods])
  if (headers !== undefined) set.push(['access-control-allow-headers', headers])
  set.push(['access-control-max-age', String(cors.maxAge ?? 5)])
  return { preflight: set.flat() }
}

/** `*`, an origin, or one with a wildcard for any labels of its host: `https://*.example.com`. The scheme's own port need not be named. */
function allowsOrigin(allowed: string, origin: string): boolean {
  if (allowed === '*') return true
  const [pattern, asked] = [plainOrigin(allowed), plainOrigin(origin)]
  const star = pattern.indexOf('*')
  if (star < 0) return pattern === asked
  const [before, after] = [pattern.slice(0, star), pattern.slice(star + 1)]
  return asked.startsWith(before) && asked.endsWith(after) && /^[^/:]+$/.test(asked.slice(before.length, asked.length - after.length))
}

function plainOrigin(origin: string): string {
  const lower = origin.toLowerCase()
  return lower.startsWith('https://') ? lower.replace(/:443$/, '') : lower.startsWith('http://') ? lower.replace(/:80$/, '') : lower
}
