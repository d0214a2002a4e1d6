import { CodedError } from '@idp/kit'
import type { Json } from './kube-object.ts'

/** Splits a JSON pointer (RFC 6901) into its unescaped tokens; `''` is the whole document. Throws `InvalidPointer` when it does not begin with `/`. */
export function parsePointer(pointer: string): string[] {
  if (pointer === '') return []
  if (!pointer.startsWith('/')) throw new CodedError({ code: 'InvalidPointer', message: `JSON pointer must be empty or begin with "/": ${JSON.stringify(pointer)}` })
  return pointer.slice(1).split('/').map(unescapeToken)
}

/** Joins tokens to a JSON pointer. */
export function formatPointer(tokens: readonly (string | number)[]): string {
  return tokens.map((token) => `/${escapeToken(String(token))}`).join('')
}

/** The value at a pointer, or undefined when there is none. */
export function readPointer(document: Json, pointer: string): Json | undefined {
  let at: Json | undefined = document
  for (const token of parsePointer(pointer)) {
    if (at === null || typeof at !== 'object') return undefined
    if (Array.isArray(at)) at = /^(?:0|[1-9]\d*)$/.test(token) ? at[Number(token)] : undefined
    else at = Object.hasOwn(at, token) ? at[token] : undefined
  }
  return at
}

const unescapeToken = (token: string): string => (token.includes('~') ? token.replaceAll('~1', '/').replaceAll('~0', '~') : token)
const escapeToken = (token: string): string => token.replaceAll('~', '~0').replaceAll('/', '~1')
