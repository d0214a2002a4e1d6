import type { Json } from '@idp/formats'

const safeLetters = 'bcdfghjklmnpqrstvwxz2456789'

/** FNV-1a, 32 bits, of a text's UTF-8 bytes. */
export function fnv32a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

/**
 * A short label-safe hash of a JSON value, as in `pod-template-hash`: a 32-bit FNV-1a in decimal, written in letters that form no words.
 * The order of members does not matter. `collisions` makes another hash of the same value.
 */
export function safeHash(value: unknown, collisions = 0): string {
  const hash = fnv32a(canonical(value as Json) + (collisions === 0 ? '' : `#${collisions}`))
  return [...String(hash)].map((digit) => safeLetters[digit.charCodeAt(0) % safeLetters.length]).join('')
}

function canonical(value: Json | undefined): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  const members = Object.entries(value).filter(([, v]) => v !== undefined).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`).join(',')}}`
}
