/**
 * How a plain (unquoted) YAML scalar becomes a value in the Go libraries that Kubernetes tools are built on.
 *
 * - `kubernetes`: sigs.k8s.io/yaml (kubectl, Helm, the API server): YAML 1.1 booleans `yes`, `no`, `on`, `off`, `y`, `n`;
 *   timestamps stay text.
 * - `kustomize`: go-yaml v3: only `true` and `false` are booleans; timestamps become RFC 3339 text.
 */
export type YamlDialect = 'kubernetes' | 'kustomize'

/** What a plain scalar stands for; `merge` is the key `<<`. */
export type ScalarTag = 'str' | 'int' | 'float' | 'bool' | 'null' | 'timestamp' | 'merge'

export interface ResolvedScalar { readonly tag: ScalarTag; readonly value: string | number | boolean | null }

const WORDS = new Map<string, ResolvedScalar>()
const OLD_BOOLEANS = new Map<string, ResolvedScalar>()
for (const word of ['', '~', 'null', 'Null', 'NULL']) WORDS.set(word, { tag: 'null', value: null })
for (const word of ['true', 'True', 'TRUE']) WORDS.set(word, { tag: 'bool', value: true })
for (const word of ['false', 'False', 'FALSE']) WORDS.set(word, { tag: 'bool', value: false })
for (const word of ['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF']) WORDS.set(word, { tag: 'float', value: Infinity })
for (const word of ['-.inf', '-.Inf', '-.INF']) WORDS.set(word, { tag: 'float', value: -Infinity })
for (const word of ['.nan', '.NaN', '.NAN']) WORDS.set(word, { tag: 'float', value: NaN })
WORDS.set('<<', { tag: 'merge', value: '<<' })
for (const word of ['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON']) OLD_BOOLEANS.set(word, { tag: 'bool', value: true })
for (const word of ['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF']) OLD_BOOLEANS.set(word, { tag: 'bool', value: false })

const LONGEST_WORD = 5
const INTEGER = /^[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)$/
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/
const TIMESTAMP = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt]| )(\d{1,2}):(\d{1,2}):(\d{1,2})(\.\d+)?(Z|[-+]\d\d:\d\d)?)?$/

/** Resolves a plain scalar of `dialect`; a quoted one is always text and does not come here. */
export function resolvePlainScalar(text: string, dialect: YamlDialect): ResolvedScalar | undefined {
  const first = text.charCodeAt(0)
  if (text.length <= LONGEST_WORD) {
    const word = WORDS.get(text) ?? (dialect === 'kubernetes' ? OLD_BOOLEANS.get(text) : undefined)
    if (word !== undefined) return word
  }
  const digit = first >= 48 && first <= 57
  if (!digit && first !== 43 && first !== 45 && first !== 46) return undefined
  return resolveNumber(text) ?? (digit ? resolveTimestamp(text, dialect) : undefined)
}

function resolveNumber(text: string): ResolvedScalar | undefined {
  const plain = text.includes('_') ? text.replaceAll('_', '') : text
  if (INTEGER.test(plain)) {
    const value = parseInteger(plain)
    // Beyond 64 bits Go falls back to a float.
    if (value < 2 ** 64 && value >= -(2 ** 63)) return { tag: 'int', value }
  }
  if (FLOAT.test(plain)) {
    const value = Number(plain)
    if (Number.isFinite(value)) return { tag: 'float', value }
  }
  return undefined
}

function parseInteger(text: string): number {
  const negative = text.startsWith('-')
  const digits = negative || text.startsWith('+') ? text.slice(1) : text
  let value: number
  if (digits.length > 1 && digits.startsWith('0')) {
    const base = digits.charAt(1).toLowerCase()
    if (base === 'x') value = parseInt(digits.slice(2), 16)
    else if (base === 'b') value = parseInt(digits.slice(2), 2)
    else value = parseInt(base === 'o' ? digits.slice(2) : digits, 8)
  } else {
    value = Number(digits)
  }
  return negative && value !== 0 ? -value : value
}

function resolveTimestamp(text: string, dialect: YamlDialect): ResolvedScalar | undefined {
  const match = TIMESTAMP.exec(text)
  if (match === null) return undefined
  const [, year = '', month = '', day = '', hour, minute = '0', second = '0', fraction = '', zone] = match
  // Go accepts a zone only after `T`, and none only after a blank or nothing.
  const blank = text.includes(' ')
  if (hour !== undefined && (blank ? zone !== undefined : zone === undefined)) return undefined
  const [mo, d, h, mi, s] = [Number(month), Number(day), Number(hour ?? 0), Number(minute), Number(second)]
  if (mo < 1 || mo > 12 || d < 1 || d > new Date(Date.UTC(Number(year), mo, 0)).getUTCDate() || h > 23 || mi > 59 || s > 59) return undefined
  if (dialect === 'kubernetes') return { tag: 'timestamp', value: text }
  const two = (n: number): string => String(n).padStart(2, '0')
  const part = fraction.slice(0, 10).replace(/\.?0+$/, '')
  const offset = zone === undefined || zone === '+00:00' || zone === '-00:00' ? 'Z' : zone
  return { tag: 'timestamp', value: `${year}-${two(mo)}-${two(d)}T${two(h)}:${two(mi)}:${two(s)}${part}${offset}` }
}
