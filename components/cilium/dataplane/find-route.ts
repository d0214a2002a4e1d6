import { matches, type RequestFacts, type RequestMatch } from '../engine/request-match.ts'
import type { Entry, ListenerTable } from '../engine/route-table.ts'
import type { Exchange } from './exchange.ts'
import { getHeader } from './header-list.ts'

/** Entries of one host by what their path says, each list in order of precedence. */
interface HostIndex {
  readonly exact: ReadonlyMap<string, readonly Entry[]>
  readonly patterns: readonly Entry[]
  readonly prefixes: ReadonlyMap<string, readonly Entry[]>
}

const indexes = new WeakMap<readonly Entry[], HostIndex>()

/**
 * The entry that a request is answered by, in the Gateway API's order (exact paths, expressions, prefixes from the longest), found
 * in a time that depends on the segments of the path, not on the number of routes.
 */
export function findRoute(listener: ListenerTable, exchange: Exchange): Entry | undefined {
  const entries = listener.hosts.find(exchange.host)
  if (entries === undefined) return undefined
  const [only] = entries
  if (entries.length === 1 && only !== undefined) return fits(only.match, exchange) ? only : undefined
  let index = indexes.get(entries)
  if (index === undefined) indexes.set(entries, (index = indexOf(entries)))
  const { path } = exchange
  return firstThatFits(index.exact.get(path), exchange) ?? firstThatFits(index.patterns, exchange) ?? longestPrefix(index.prefixes, path, exchange)
}

function indexOf(entries: readonly Entry[]): HostIndex {
  const index = { exact: new Map<string, Entry[]>(), patterns: [] as Entry[], prefixes: new Map<string, Entry[]>() }
  for (const entry of entries) {
    const { type, value } = entry.match.path
    if (type === 'regex') index.patterns.push(entry)
    else {
      const map = type === 'exact' ? index.exact : index.prefixes
      const list = map.get(value)
      if (list === undefined) map.set(value, [entry])
      else list.push(entry)
    }
  }
  return index
}

function longestPrefix(prefixes: HostIndex['prefixes'], path: string, exchange: Exchange): Entry | undefined {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const found = firstThatFits(prefixes.get(end === path.length ? path : path.slice(0, end)), exchange)
    if (found !== undefined) return found
  }
  return firstThatFits(prefixes.get('/'), exchange)
}

function firstThatFits(entries: readonly Entry[] | undefined, exchange: Exchange): Entry | undefined {
  if (entries !== undefined) for (const entry of entries) if (fits(entry.match, exchange)) return entry
  return undefined
}

/** Most matches ask for a path alone. */
function fits(match: RequestMatch, exchange: Exchange): boolean {
  if (match.path.value === '/' && match.path.type === 'prefix' && match.method === undefined && match.headers.length === 0 && match.query.length === 0) return true
  return matches(match, factsOf(exchange))
}

function factsOf(exchange: Exchange): RequestFacts {
  return {
    method: exchange.method, path: exchange.path, query: exchange.query,
    header: (name) => (name === 'host' ? exchange.authority : getHeader(exchange.headers, name)),
  }
}
