import { parseDuration } from './duration.ts'
import { badRequest } from './vault-error.ts'

/** The body of a request (and its query, for reads): what every path reads its parameters from. */
export type Data = Readonly<Record<string, unknown>>

export const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether the request names the parameter (null counts as absent). */
export const has = (data: Data, name: string): boolean => data[name] !== undefined && data[name] !== null

export function text(data: Data, name: string, otherwise = ''): string {
  const value = data[name]
  if (value === undefined || value === null) return otherwise
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw fieldError(name, 'a string')
}

export function integer(data: Data, name: string, otherwise = 0): number {
  const value = data[name]
  if (value === undefined || value === null || value === '') return otherwise
  const number = typeof value === 'boolean' ? NaN : Number(value)
  if (!Number.isInteger(number)) throw fieldError(name, 'an integer')
  return number
}

export function flag(data: Data, name: string, otherwise = false): boolean {
  const value = data[name]
  if (value === undefined || value === null || value === '') return otherwise
  if (typeof value === 'boolean') return value
  if (value === 1 || /^(1|t|true)$/i.test(String(value))) return true
  if (value === 0 || /^(0|f|false)$/i.test(String(value))) return false
  throw fieldError(name, 'a boolean')
}

/** Seconds. */
export function seconds(data: Data, name: string, otherwise = 0): number {
  return has(data, name) ? parseDuration(data[name]) : otherwise
}

/** A JSON list, or a string with commas. */
export function list(data: Data, name: string, otherwise: readonly string[] = []): string[] {
  const value = data[name]
  if (value === undefined || value === null) return [...otherwise]
  if (Array.isArray(value)) return value.map((item) => String(item).trim()).filter((item) => item !== '')
  if (typeof value !== 'string') throw fieldError(name, 'a list of strings')
  const trimmed = value.trim()
  if (trimmed.startsWith('[')) {
    const parsed: unknown = parseJson(trimmed)
    if (Array.isArray(parsed)) return parsed.map(String)
  }
  return trimmed.split(',').map((item) => item.trim()).filter((item) => item !== '')
}

/** A JSON object, `k=v` pairs in a list or with commas, or JSON in a string; values become strings. */
export function pairs(data: Data, name: string): Record<string, string> {
  const value = data[name]
  if (value === undefined || value === null || value === '') return {}
  const found = typeof value === 'string' ? parseJson(value) ?? value.split(',') : value
  if (isRecord(found)) return Object.fromEntries(Object.entries(found).map(([key, item]) => [key, typeof item === 'string' ? item : JSON.stringify(item)]))
  if (!Array.isArray(found)) throw fieldError(name, 'a map')
  return Object.fromEntries(found.map((pair) => {
    const [key, ...rest] = String(pair).split('=')
    if (rest.length === 0) throw fieldError(name, 'a map of key=value')
    return [(key ?? '').trim(), rest.join('=').trim()]
  }))
}

/** A JSON object as it is. */
export function record(data: Data, name: string): Record<string, unknown> | undefined {
  const value = data[name]
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') {
    const parsed = parseJson(value)
    if (isRecord(parsed)) return parsed
  }
  if (!isRecord(value)) throw fieldError(name, 'a map')
  return value
}

export function parseJson(source: string): unknown {
  try {
    return JSON.parse(source)
  } catch {
    return undefined
  }
}

function fieldError(name: string, wanted: string) {
  return badRequest(`Field validation failed: error converting input for field ${JSON.stringify(name)}: expected ${wanted}`)
}
