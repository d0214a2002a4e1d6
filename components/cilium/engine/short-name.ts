import { createHash } from 'node:crypto'

/** A name or label value of at most 63 characters: longer ones end with a hash of the whole. */
export function shortName(text: string): string {
  return text.length <= 63 ? text : `${text.slice(0, 52)}-${createHash('sha256').update(text).digest('hex').slice(0, 10)}`
}
