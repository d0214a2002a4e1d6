import { toBase64 } from './base64.ts'
import { GoError } from './go-error.ts'
import { sortedKeys } from './go-string.ts'
import { jsonFault } from './json-fault.ts'
import { isFunction, isNilSlice, Num, setKey, Struct, type GoMap } from './value.ts'

export interface JsonStyle { readonly indent?: string; readonly escapeHtml?: boolean }

// Go escapes these so that JSON may stand inside HTML and JavaScript.
const unsafeHtml = /[<>&\u2028\u2029]/g
const unsafeLines = /[\u2028\u2029]/g

function escapeUnit(r: string): string {
  return `\\u${r.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** A string as Go's encoding/json writes it. Bytes that are no UTF-8 become U+FFFD. */
export function jsonString(text: string, escapeHtml = true): string {
  const quoted = JSON.stringify(text.isWellFormed() ? text : text.toWellFormed())
  const escaped = quoted.replace(escapeHtml ? unsafeHtml : unsafeLines, escapeUnit)
  return escaped
}

/** encoding/json's Marshal: keys sorted. Throws GoError for what JSON cannot say. */
export function toJson(value: unknown, style: JsonStyle = {}): string {
  return encode(value, style, '')
}

function encode(value: unknown, style: JsonStyle, margin: string): string {
  switch (typeof value) {
    case 'string': return jsonString(value, style.escapeHtml !== false)
    case 'boolean': return value ? 'true' : 'false'
    case 'bigint': return value.toString()
    case 'number': return jsonNumber(value)
    case 'undefined': return 'null'
  }
  if (value === null || isNilSlice(value)) return 'null'
  if (value instanceof Num) return typeof value.value === 'bigint' ? value.value.toString() : jsonNumber(value.value)
  if (value instanceof Uint8Array) return `"${toBase64(value)}"`
  if (Array.isArray(value)) return wrap('[', ']', value.map((item) => encode(item, style, margin + (style.indent ?? ''))), style, margin)
  if (value instanceof Struct) return encodeStruct(value, style, margin)
  if (isFunction(value)) throw new GoError('json: unsupported type: func')
  const map = value as GoMap
  const colon = style.indent === undefined ? ':' : ': '
  const inner = margin + (style.indent ?? '')
  return wrap('{', '}', sortedKeys(map).map((key) => `${jsonString(key, style.escapeHtml !== false)}${colon}${encode(map[key], style, inner)}`), style, margin)
}

function encodeStruct(value: Struct, style: JsonStyle, margin: string): string {
  const { json, content, fields } = value.shape
  return encode(json !== undefined ? json() : content ?? fields ?? {}, style, margin)
}

function wrap(open: string, close: string, parts: string[], style: JsonStyle, margin: string): string {
  if (style.indent === undefined || parts.length === 0) return open + parts.join(',') + close
  const inner = `\n${margin}${style.indent}`
  return `${open}${inner}${parts.join(`,${inner}`)}\n${margin}${close}`
}

function jsonNumber(value: number): string {
  if (!Number.isFinite(value)) throw new GoError(`json: unsupported value: ${Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'}`)
  if (Object.is(value, -0)) return '-0'
  return String(value)
}

/** encoding/json's Unmarshal into interface {}: numbers are float64. Throws GoError with Go's message. */
export function fromJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new GoError(jsonFault(text))
  }
}

/** A map from entries, safe for any key. */
export function mapOf(entries: Iterable<readonly [string, unknown]>): GoMap {
  const map: GoMap = {}
  for (const [key, value] of entries) setKey(map, key, value)
  return map
}
