import type { PathModifier, Redirect } from '../engine/route-action.ts'
import type { RequestMatch } from '../engine/request-match.ts'
import type { Exchange } from './exchange.ts'

/** Gateway API, HTTPPathModifier: the whole path, or the part that the match's prefix covered. */
export function rewrittenPath(modifier: PathModifier, match: RequestMatch, path: string): string {
  if (modifier.type === 'full') return modifier.path
  const prefix = match.path.type === 'prefix' && match.path.value !== '/' ? match.path.value : ''
  const rest = path.slice(prefix.length)
  const replacement = modifier.path.endsWith('/') ? modifier.path.slice(0, -1) : modifier.path
  if (rest === '' || rest === '/') return modifier.path === '' ? '/' : rest === '/' ? `${replacement}/` : modifier.path
  return `${replacement}${rest.startsWith('/') ? '' : '/'}${rest}`
}

const standardPorts: Readonly<Record<string, number>> = { http: 80, https: 443 }

/** Where a RequestRedirect leads (Gateway API, HTTPRequestRedirectFilter). */
export function redirectLocation(redirect: Redirect, match: RequestMatch, exchange: Exchange): string {
  const { authority, host, path, query, scheme: current } = exchange
  const scheme = redirect.scheme ?? current
  const name = redirect.hostname ?? host
  const sent = /:(\d+)$/.exec(authority)?.[1]
  // Without port and scheme the client's own port stays: it may have come through a node port.
  const port = redirect.port ?? (redirect.scheme !== undefined || sent === undefined ? standardPorts[scheme] : Number(sent))
  const target = redirect.path === undefined ? path : rewrittenPath(redirect.path, match, path)
  return `${scheme}://${name}${port === undefined || port === standardPorts[scheme] ? '' : `:${port}`}${target}${query}`
}
