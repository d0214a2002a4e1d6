import { RE2JS } from 're2js'
import type { HttpMatch } from '../kinds/gateway-api.ts'

/** What a request is matched by. `path` is normalised and without query; `header` answers by lower-case name, values joined with a comma. */
export interface RequestFacts {
  readonly method: string
  readonly path: string
  readonly query: string
  header(name: string): string | undefined
}

export interface PathMatcher { readonly type: 'exact' | 'prefix' | 'regex'; readonly value: string; readonly pattern?: RE2JS }

/** A compiled match of a rule. */
export interface RequestMatch {
  readonly path: PathMatcher
  readonly method: string | undefined
  readonly headers: readonly ValueMatch[]
  readonly query: readonly ValueMatch[]
}

interface ValueMatch { readonly name: string; readonly value: string; readonly pattern?: RE2JS }

/** @throws RE2JSSyntaxException for a bad expression; CRD validation does not look into them */
export function compileMatch(match: HttpMatch): RequestMatch {
  const { type = 'PathPrefix', value = '/' } = match.path ?? {}
  const seen = new Set<string>()
  return {
    path: type === 'RegularExpression' ? { type: 'regex', value, pattern: RE2JS.compile(value) }
      : type === 'Exact' ? { type: 'exact', value } : { type: 'prefix', value: value.length > 1 && value.endsWith('/') ? value.slice(0, -1) : value },
    method: match.method,
    // Of entries with equivalent names only the first counts.
    headers: (match.headers ?? []).map((header) => valueMatch(header.name.toLowerCase(), header)).filter(({ name }) => !seen.has(name) && seen.add(name)),
    query: (match.queryParams ?? []).map((parameter) => valueMatch(parameter.name, parameter)).filter(({ name }, i, all) => all.findIndex((other) => other.name === name) === i),
  }
}

function valueMatch(name: string, { type, value }: { readonly type?: string; readonly value: string }): ValueMatch {
  return type === 'RegularExpression' ? { name, value, pattern: RE2JS.compile(value) } : { name, value }
}

export function matchesPath({ type, value, pattern }: PathMatcher, path: string): boolean {
  if (type === 'exact') return path === value
  if (type === 'regex') return pattern?.matches(path) === true
  return value === '/' || (path.startsWith(value) && (path.length === value.length || path.charCodeAt(value.length) === 0x2f))
}

export function matches(match: RequestMatch, request: RequestFacts): boolean {
  if (match.method !== undefined && match.method !== request.method) return false
  if (!matchesPath(match.path, request.path)) return false
  for (const header of match.headers) {
    const value = request.header(header.name)
    if (value === undefined || !matchesValue(header, value)) return false
  }
  if (match.query.length > 0) {
    const parameters = new URLSearchParams(request.query)
    for (const parameter of match.query) {
      const value = parameters.get(parameter.name)
      if (value === null || !matchesValue(parameter, value)) return false
    }
  }
  return true
}

function matchesValue({ value, pattern }: ValueMatch, found: string): boolean {
  return pattern === undefined ? found === value : pattern.matches(found)
}

const pathOrder = { exact: 0, regex: 1, prefix: 2 }

/** Precedence between matches (Gateway API, HTTPRouteRule.matches): negative when `a` comes first. */
export function compareMatches(a: RequestMatch, b: RequestMatch): number {
  return pathOrder[a.path.type] - pathOrder[b.path.type] || b.path.value.length - a.path.value.length
    || Number(b.method !== undefined) - Number(a.method !== undefined) || b.headers.length - a.headers.length || b.query.length - a.query.length
}
