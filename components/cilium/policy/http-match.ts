import { RE2JS } from 're2js'
import type { HttpMatch } from '../kinds/cilium.ts'

/** One rule of `rules.http`: undefined when the request does not match; else what becomes of its headers (nothing, mostly). */
export type HttpMatcher = (request: Request) => readonly HeaderEdit[] | undefined

export interface HeaderEdit { readonly action: 'set' | 'append' | 'delete'; readonly name: string; readonly value: string }

type Part = (request: Request) => readonly HeaderEdit[] | undefined
const matched: readonly HeaderEdit[] = []
const mismatches = ['LOG', 'ADD', 'DELETE', 'REPLACE']

/** Expressions are RE2 and match the whole of path (with query), method and host, as Envoy matches them. @throws Error for what is no rule */
export function compileHttpMatch({ path = '', method = '', host = '', headers = [], headerMatches = [] }: HttpMatch): HttpMatcher {
  const parts: Part[] = []
  const whole = (pattern: string, field: string, read: (request: Request) => string) => {
    if (pattern === '') return
    const compiled = compile(pattern, field)
    parts.push((request) => (compiled.matches(read(request)) ? matched : undefined))
  }
  whole(path, 'path', pathOf)
  whole(method, 'method', (request) => request.method)
  whole(host, 'host', (request) => request.headers.get('host') ?? new URL(request.url).host)
  for (const text of headers) {
    const space = text.indexOf(' ')
    const name = (space < 0 ? text : text.slice(0, space)).replace(/:+$/, '')
    const value = space < 0 ? undefined : text.slice(space + 1)
    parts.push((request) => {
      const found = request.headers.get(name)
      return found !== null && (value === undefined || found === value) ? matched : undefined
    })
  }
  for (const { name, value, secret, mismatch } of headerMatches) {
    if (name === '') throw new Error('Header name missing')
    if (secret !== undefined) throw new Error('headerMatches[].secret is not supported by the stand-in')
    if (mismatch !== undefined && !mismatches.includes(mismatch)) throw new Error(`Invalid header action: ${mismatch}`)
    parts.push((request) => {
      const found = request.headers.get(name)
      if (found !== null && (value === undefined || found === value)) return matched
      if (mismatch === undefined) return undefined
      if (mismatch === 'DELETE') return found === null ? matched : [{ action: 'delete', name, value: '' }]
      if (mismatch === 'LOG' || value === undefined) return matched
      return [{ action: mismatch === 'ADD' ? 'append' : 'set', name, value }]
    })
  }
  return (request) => {
    const edits: HeaderEdit[] = []
    for (const part of parts) {
      const found = part(request)
      if (found === undefined) return undefined
      edits.push(...found)
    }
    return edits
  }
}

function compile(pattern: string, field: string): RE2JS {
  try {
    return RE2JS.compile(pattern)
  } catch (cause) {
    throw new Error(`error parsing regexp in ${field}: ${(cause as Error).message}`, { cause })
  }
}

/** Path and query as they are on the wire. */
export function pathOf(request: Request): string {
  const start = request.url.indexOf('/', request.url.indexOf('://') + 3)
  const end = request.url.indexOf('#')
  return start < 0 ? '/' : request.url.slice(start, end < 0 ? undefined : end)
}
