import type { Json } from '@idp/formats'

/** The JSON Schema type of a value as messages name it; a whole number is `integer`. */
export function valueType(value: Json | undefined): string {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

/** True when a value of type `actual` is allowed where the schema says `type`. */
export function typeMatches(type: string, actual: string): boolean {
  return type === actual || (type === 'number' && actual === 'integer')
}

/** True for a JSON object. */
export function isObject(value: unknown): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A text that is the same for equal JSON values (keys sorted). */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (isObject(value)) return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`).join(',')}}`
  return JSON.stringify(value) ?? 'null'
}
