import { RefusedMessage } from './refused-message.ts'

/** Splits and normalises a request target (RFC 3986 §6.2.2.3), so that matching and the backend see the same path. */
export function parseTarget(target: string): { path: string; query: string } {
  if (target === '*') return { path: '*', query: '' }
  let rest = target
  if (rest.charCodeAt(0) !== 0x2f) {
    const start = rest.indexOf('/', rest.indexOf('://') + 3)
    rest = start < 0 ? `/${rest.slice(rest.indexOf('?') < 0 ? rest.length : rest.indexOf('?'))}` : rest.slice(start)
  }
  if (rest.includes('#')) throw new RefusedMessage(400, 'the request target holds a fragment')
  const mark = rest.indexOf('?')
  const path = mark < 0 ? rest : rest.slice(0, mark)
  return { path: normalise(path), query: mark < 0 ? '' : rest.slice(mark) }
}

function normalise(path: string): string {
  if (path.includes('%')) {
    if (/%(?![0-9A-Fa-f]{2})/.test(path) || /%00/.test(path)) throw new RefusedMessage(400, 'the request target holds a bad escape')
  }
  if (path.includes('\\')) throw new RefusedMessage(400, 'the request target holds a backslash')
  if (!/\/(?:\.|%2e)/i.test(path)) return path
  const kept: string[] = []
  const segments = path.slice(1).split('/')
  for (const [i, segment] of segments.entries()) {
    const plain = segment.replace(/%2e/gi, '.')
    const last = i === segments.length - 1
    if (plain === '..') kept.pop()
    else if (plain !== '.') {
      kept.push(segment)
      continue
    }
    if (last) kept.push('')
  }
  return `/${kept.join('/')}`
}

/** Host of an authority: lower case, without port and final dot. */
export function hostOf(authority: string): string {
  const end = authority.startsWith('[') ? authority.indexOf(']') + 1 : authority.indexOf(':')
  const host = (end > 0 ? authority.slice(0, end) : end < 0 ? authority : '').toLowerCase()
  return host.endsWith('.') ? host.slice(0, -1) : host
}
