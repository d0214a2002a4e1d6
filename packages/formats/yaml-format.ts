import { compareYamlKeys } from './yaml-key-order.ts'
import { formatYamlString, isPlainWord } from './yaml-format-string.ts'

export interface FormatYamlOptions {
  /** Sort the keys of maps as sigs.k8s.io/yaml does. Default true; false keeps insertion order. */
  readonly sortKeys?: boolean
}

/**
 * Writes a JSON value as sigs.k8s.io/yaml (kubectl, kustomize, Helm's `toYaml`) writes it, byte for byte: sorted keys, lists not
 * indented below their key, text quoted only where it must be, long text folded at column 80. Ends with a line feed.
 * Members that are `undefined` are left out.
 */
export function formatYaml(value: unknown, options: FormatYamlOptions = {}): string {
  const sort = options.sortKeys ?? true
  if (isMap(value) && hasMembers(value)) return writeMap(value, 0, sort)
  if (Array.isArray(value) && value.length > 0) return writeList(value, 0, sort)
  return `${writeScalar(value, 2, 0)}\n`
}

/** Writes several documents, separated by `---`. */
export function formatYamlDocuments(values: readonly unknown[], options: FormatYamlOptions = {}): string {
  return values.map((value) => formatYaml(value, options)).join('---\n')
}

type Members = Record<string, unknown>

function isMap(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function hasMembers(map: Members): boolean {
  for (const key in map) if (map[key] !== undefined) return true
  return false
}

const INDENTS = Array.from({ length: 64 }, (_, i) => ' '.repeat(i))
const blanks = (count: number): string => INDENTS[count] ?? ' '.repeat(count)

/** A block map whose keys stand at `indent`; the first line is not indented, the caller stands there already. */
function writeMap(map: Members, indent: number, sort: boolean): string {
  const keys = Object.keys(map)
  if (sort) sortKeys(keys)
  const pad = blanks(indent)
  let out = ''
  for (const key of keys) {
    const value = map[key]
    if (value === undefined) continue
    if (out !== '') out += pad
    out += writePair(key, value, indent, sort)
  }
  return out
}

function sortKeys(keys: string[]): void {
  if (keys.length > 1) keys.sort(compareYamlKeys)
}

const LONGEST_SIMPLE_KEY = 128
const BREAK = /[\n\r\u0085\u2028\u2029]/

function writePair(key: string, value: unknown, indent: number, sort: boolean): string {
  const lines = BREAK.test(key)
  if (key.length > 42 || lines) {
    if (lines || new TextEncoder().encode(key).length > LONGEST_SIMPLE_KEY) {
      return `? ${formatYamlString(key, { continuation: indent + 2, column: indent + 1 })}\n${blanks(indent)}: ${writeItem(value, indent, sort)}`
    }
  }
  const head = `${isPlainWord(key) ? key : formatYamlString(key, { continuation: indent + 2, column: indent, simpleKey: true })}:`
  if (typeof value === 'string') {
    return `${head} ${isPlainWord(value) ? value : formatYamlString(value, { continuation: indent + 2, column: indent + head.length })}\n`
  }
  if (Array.isArray(value) && value.length > 0) return `${head}\n${blanks(indent)}${writeList(value, indent, sort)}`
  if (isMap(value) && hasMembers(value)) return `${head}\n${blanks(indent + 2)}${writeMap(value, indent + 2, sort)}`
  return `${head} ${writeScalar(value, indent + 2, indent + head.length)}\n`
}

function writeList(list: readonly unknown[], indent: number, sort: boolean): string {
  const pad = blanks(indent)
  let out = ''
  for (const item of list) {
    if (out !== '') out += pad
    out += `- ${writeItem(item, indent, sort)}`
  }
  return out
}

/** What follows `- ` (or `: ` of an explicit key) at `indent`. */
function writeItem(value: unknown, indent: number, sort: boolean): string {
  if (Array.isArray(value) && value.length > 0) return writeList(value, indent + 2, sort)
  if (isMap(value) && hasMembers(value)) return writeMap(value, indent + 2, sort)
  return `${writeScalar(value, indent + 2, indent + 1)}\n`
}

function writeScalar(value: unknown, continuation: number, column: number): string {
  if (typeof value === 'string') return isPlainWord(value) ? value : formatYamlString(value, { continuation, column })
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'number') return formatNumber(value)
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return '[]'
  if (typeof value === 'object') return '{}'
  throw new TypeError(`a ${typeof value} has no YAML form`)
}

/** Integers in full up to 64 bits, anything else as Go's shortest `%g`. */
function formatNumber(value: number): string {
  if (Number.isInteger(value) && value < 2 ** 64 && value >= -(2 ** 63)) return value === 0 ? '0' : BigInt(value).toString()
  if (Number.isNaN(value)) return '.nan'
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf'
  const [digits = '', power = '0'] = value.toExponential().split('e')
  const exponent = Number(power)
  if (exponent >= -4 && exponent < 6) return value.toString()
  return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}
