import { matchesWildcard } from '@idp/lang-jmespath'
import { boundedCache } from './bounded-cache.ts'

/** A wildcard pattern (`*` any characters, `?` exactly one) that has been read. */
export const wildcardTest = boundedCache((pattern: string): ((text: string) => boolean) => {
  if (pattern.includes('?')) return pattern === '?*' ? (text) => text !== '' : (text) => matchesWildcard(pattern, text)
  const parts = pattern.split(/\*+/)
  const [first = '', ...middle] = parts
  if (parts.length === 1) return (text) => text === pattern
  const last = middle.pop() ?? ''
  const inner = middle.filter((part) => part !== '')
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false
    let at = first.length
    for (const part of inner) {
      const found = text.indexOf(part, at)
      if (found < 0) return false
      at = found + part.length
    }
    return at <= text.length - last.length
  }
})
