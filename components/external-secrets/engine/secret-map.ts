import type { Secret } from '@idp/api'

/** Values of a secret by key. */
export type SecretMap = Map<string, Uint8Array>

export const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
export const text = (value: Uint8Array): string => Buffer.from(value).toString()

/** The data of a Kubernetes Secret, decoded. */
export function secretMapOf(secret: Pick<Secret, 'data'>): SecretMap {
  return new Map(Object.entries(secret.data ?? {}).map(([key, value]) => [key, new Uint8Array(Buffer.from(value ?? '', 'base64'))]))
}

/** The data as it stands in a Kubernetes Secret, keys sorted. */
export function encodeSecretMap(map: SecretMap): Record<string, string> {
  return Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, Buffer.from(value).toString('base64')]))
}

/** A JSON value as the bytes upstream makes of it: strings as they are, numbers without exponent, lists and objects as JSON with sorted keys, null as nothing. */
export function bytesOfJson(value: unknown): Uint8Array {
  if (value === null || value === undefined) return new Uint8Array()
  if (typeof value === 'string') return bytes(value)
  return bytes(jsonText(value))
}

/** JSON as Go's encoder writes it: keys sorted, `<`, `>` and `&` escaped. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => (typeof each === 'object' && each !== null && !Array.isArray(each) ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1))) : each))
    .replace(/[<>&\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The members of a JSON object as secret values. Throws SyntaxError without the text when it is none. */
export function mapOfJson(json: Uint8Array): SecretMap {
  let value: unknown
  try {
    value = JSON.parse(text(json))
  } catch {
    // The parser's message would quote the value.
    throw new SyntaxError('the value of the secret is not JSON: it cannot be taken apart into keys')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SyntaxError('the value of the secret is not a JSON object: it cannot be taken apart into keys')
  return new Map(Object.entries(value).map(([key, each]) => [key, bytesOfJson(each)]))
}
