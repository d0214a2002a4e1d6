import { createHash } from 'node:crypto'
import { RE2JS } from 're2js'
import { addQuantities, formatQuantity, parseQuantity, subtractQuantities, type Json, type Quantity } from '@idp/formats'

type ArgumentType = 'any' | 'number' | 'string' | 'any?' | 'number?' | 'string?'
interface JmesFunction { readonly args: readonly ArgumentType[]; readonly run: (args: readonly Json[]) => Json }

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value))
const number = (value: Json | undefined): number => Number(value ?? 0)
const record = (value: Json | undefined): Record<string, Json> => (typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {})

/** Wildcards of Kyverno: `*` any characters, `?` exactly one. Linear in the text for every pattern. */
export function matchesWildcard(pattern: string, value: string): boolean {
  let [p, v, star, mark] = [0, 0, -1, 0]
  while (v < value.length) {
    if (pattern[p] === '?' || (pattern[p] === value[v] && pattern[p] !== '*')) {
      p++
      v++
    } else if (pattern[p] === '*') {
      star = p++
      mark = v
    } else if (star >= 0) {
      p = star + 1
      v = ++mark
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}

/** Numbers stay numbers; with a quantity on either side the result is one: `add('1Gi', '512Mi')`. */
function arithmetic(numbers: (a: number, b: number) => number, quantities: (a: Quantity, b: Quantity) => Quantity | number): JmesFunction['run'] {
  return ([a, b]) => {
    if (typeof a === 'number' && typeof b === 'number') return numbers(a, b)
    const result = quantities(parseQuantity(text(a)), parseQuantity(text(b)))
    return typeof result === 'number' ? result : formatQuantity(result)
  }
}

const billion = 1_000_000_000n

/** Functions that Kyverno adds to JMESPath, by name. */
export const functions: Readonly<Record<string, JmesFunction>> = {
  to_upper: { args: ['string'], run: ([s]) => text(s).toUpperCase() },
  to_lower: { args: ['string'], run: ([s]) => text(s).toLowerCase() },
  trim_prefix: { args: ['string', 'string'], run: ([s, prefix]) => (text(s).startsWith(text(prefix)) ? text(s).slice(text(prefix).length) : text(s)) },
  replace_all: { args: ['string', 'string', 'string'], run: ([s, old, fresh]) => text(s).replaceAll(text(old), text(fresh)) },
  truncate: { args: ['string', 'number'], run: ([s, length]) => text(s).slice(0, Math.max(0, number(length))) },
  equal_fold: { args: ['string', 'string'], run: ([a, b]) => text(a).toLowerCase() === text(b).toLowerCase() },
  regex_match: { args: ['string', 'any'], run: ([pattern, s]) => RE2JS.compile(text(pattern)).matcher(text(s)).find() },
  regex_replace_all: { args: ['string', 'any', 'any'], run: ([pattern, s, to]) => RE2JS.compile(text(pattern)).matcher(text(s)).replaceAll(text(to)) },
  regex_replace_all_literal: { args: ['string', 'any', 'any'], run: ([pattern, s, to]) => RE2JS.compile(text(pattern)).matcher(text(s)).replaceAll(text(to).replaceAll('\\', '\\\\').replaceAll('$', '\\$')) },
  pattern_match: { args: ['string', 'any'], run: ([pattern, s]) => matchesWildcard(text(pattern), text(s)) },
  label_match: { args: ['any', 'any'], run: ([wanted, have]) => Object.entries(record(wanted)).every(([key, value]) => record(have)[key] === value) },
  base64_encode: { args: ['string'], run: ([s]) => Buffer.from(text(s)).toString('base64') },
  base64_decode: { args: ['string'], run: ([s]) => Buffer.from(text(s), 'base64').toString() },
  sha256: { args: ['string'], run: ([s]) => createHash('sha256').update(text(s)).digest('hex') },
  parse_json: { args: ['string'], run: ([s]) => JSON.parse(text(s)) as Json },
  to_boolean: { args: ['string'], run: ([s]) => text(s).toLowerCase() === 'true' },
  object_from_lists: { args: ['any', 'any'], run: ([keys, values]) => Object.fromEntries(((keys ?? []) as Json[]).map((key, index) => [text(key), ((values ?? []) as Json[])[index] ?? null])) },
  lookup: { args: ['any', 'any'], run: ([collection, key]) => (Array.isArray(collection) ? collection[number(key)] ?? null : record(collection)[text(key)] ?? null) },
  add: { args: ['any', 'any'], run: arithmetic((a, b) => a + b, addQuantities) },
  subtract: { args: ['any', 'any'], run: arithmetic((a, b) => a - b, subtractQuantities) },
  multiply: { args: ['any', 'any'], run: arithmetic((a, b) => a * b, (a, b) => ({ nano: (a.nano * b.nano) / billion, format: a.format })) },
  divide: { args: ['any', 'any'], run: arithmetic((a, b) => a / b, (a, b) => Number(a.nano) / Number(b.nano)) },
  modulo: { args: ['any', 'any'], run: arithmetic((a, b) => a % b, (a, b) => ({ nano: a.nano % b.nano, format: a.format })) },
  path_canonicalize: { args: ['string'], run: ([s]) => text(s).replaceAll(/\/+/g, '/') },
  semver_compare: {
    args: ['string', 'string'],
    run: ([version, range]) => {
      const parts = (v: string) => v.replace(/^v/, '').split('.').map(Number)
      const [, operator = '=', wanted = ''] = /^(>=|<=|>|<|=|!=)?\s*(.*)$/.exec(text(range)) ?? []
      const [a, b] = [parts(text(version)), parts(wanted)]
      const order = [0, 1, 2].map((i) => (a[i] ?? 0) - (b[i] ?? 0)).find((d) => d !== 0) ?? 0
      return { '>=': order >= 0, '<=': order <= 0, '>': order > 0, '<': order < 0, '=': order === 0, '!=': order !== 0 }[operator] ?? false
    },
  },
}
