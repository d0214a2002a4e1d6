import { formatFloat, GoError, isMap, Num, setKey, sortedKeys, Struct, type GoMap } from '@idp/lang-gotemplate/core'

// Writing, after BurntSushi/toml: simple values of a table first, then its tables, keys sorted; tables below the first level are indented.

/** TOML text of a map. Throws GoError for what TOML cannot say. */
export function toToml(value: unknown): string {
  if (!isMap(value)) throw new GoError('toml: top-level values must be Go maps or structs')
  const out: string[] = []
  writeTable([], value, out)
  return out.join('')
}

function isTable(value: unknown): value is GoMap {
  return isMap(value) && !(value instanceof Struct)
}

function isTableList(value: unknown): value is GoMap[] {
  return Array.isArray(value) && value.length > 0 && value.every(isTable)
}

function writeTable(path: readonly string[], table: GoMap, out: string[]): void {
  const indent = '  '.repeat(Math.max(path.length - 1, 0) + (path.length > 0 ? 1 : 0))
  const keys = sortedKeys(table).filter((key) => table[key] !== null && table[key] !== undefined)
  for (const key of keys) {
    const value = table[key]
    if (!isTable(value) && !isTableList(value)) out.push(`${indent}${keyText(key)} = ${valueText(value)}\n`)
  }
  for (const key of keys) {
    const value = table[key]
    const inner = [...path, key]
    const head = inner.map(keyText).join('.')
    const margin = '  '.repeat(path.length)
    const items = isTable(value) ? [value] : isTableList(value) ? value : []
    for (const item of items) {
      if (path.length === 0 && out.length > 0) out.push('\n')
      out.push(isTable(value) ? `${margin}[${head}]\n` : `${margin}[[${head}]]\n`)
      writeTable(inner, item, out)
    }
  }
}

function keyText(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : quoted(key)
}

const short: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '"': '\\"', '\\': '\\\\', '\b': '\\b', '\f': '\\f' }

function quoted(text: string): string {
  // eslint-disable-next-line no-control-regex
  return `"${text.replace(/[\x00-\x1f\x7f"\\]/g, (c) => short[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`
}

function valueText(value: unknown): string {
  switch (typeof value) {
    case 'string': return quoted(value)
    case 'boolean': case 'bigint': return String(value)
    case 'number': return floatText(value)
  }
  if (value instanceof Num) return typeof value.value === 'bigint' ? value.value.toString() : floatText(value.value)
  if (Array.isArray(value)) {
    if (value.some((item) => item === null || item === undefined)) throw new GoError('toml: cannot encode array with nil element')
    return `[${value.map(valueText).join(', ')}]`
  }
  if (isTable(value)) return `{${sortedKeys(value).map((key) => `${keyText(key)} = ${valueText(value[key])}`).join(', ')}}`
  throw new GoError('toml: unsupported type')
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? '+inf' : '-inf'
  const text = formatFloat(value, 'f', -1)
  return text.includes('.') ? text : `${text}.0`
}

// Reading (https://toml.io/en/v1.0.0).

/** A map from TOML text; integers are int64, which templates see as Num. Throws GoError with the line. */
export function fromToml(text: string): GoMap {
  return new TomlReader(text).read()
}

class TomlReader {
  private readonly text: string
  private at = 0
  private readonly root: GoMap = {}
  /** Tables that were opened by a header or an inline value: they may not be opened again. */
  private readonly closed = new WeakSet<object>()

  constructor(text: string) {
    this.text = text
  }

  read(): GoMap {
    let table = this.root
    for (;;) {
      this.skip(true)
      if (this.at >= this.text.length) return this.root
      if (this.text[this.at] === '[') table = this.header()
      else this.pair(table)
      this.skip(false)
      if (this.at < this.text.length && this.text[this.at] !== '\n') this.fail('expected a line break')
    }
  }

  private fail(message: string): never {
    const line = this.text.slice(0, this.at).split('\n').length
    throw new GoError(`toml: line ${line}: ${message}`)
  }

  /** Blanks and comments, line breaks too when wanted. */
  private skip(lines: boolean): void {
    for (;;) {
      const c = this.text[this.at]
      if (c === '#') while (this.at < this.text.length && this.text[this.at] !== '\n') this.at++
      else if (c === ' ' || c === '\t' || c === '\r' || (lines && c === '\n')) this.at++
      else return
    }
  }

  private header(): GoMap {
    const list = this.text.startsWith('[[', this.at)
    this.at += list ? 2 : 1
    const path = this.keyPath()
    this.expect(list ? ']]' : ']')
    const last = path.pop() ?? ''
    const parent = this.descend(this.root, path)
    if (!list) {
      const table = this.descend(parent, [last])
      if (this.closed.has(table)) this.fail(`table ${last} is already defined`)
      this.closed.add(table)
      return table
    }
    const items = Object.hasOwn(parent, last) ? parent[last] : []
    if (!Array.isArray(items)) return this.fail(`${last} is not a list of tables`)
    const table: GoMap = {}
    items.push(table)
    setKey(parent, last, items)
    return table
  }

  private descend(from: GoMap, path: readonly string[]): GoMap {
    let table = from
    for (const key of path) {
      let next = Object.hasOwn(table, key) ? table[key] : undefined
      if (next === undefined) setKey(table, key, next = {})
      if (Array.isArray(next)) next = next.at(-1)
      if (!isTable(next)) return this.fail(`${key} is not a table`)
      table = next
    }
    return table
  }

  private expect(text: string): void {
    this.skip(false)
    if (!this.text.startsWith(text, this.at)) this.fail(`expected ${JSON.stringify(text)}`)
    this.at += text.length
  }

  private keyPath(): string[] {
    const path = [this.key()]
    for (;;) {
      this.skip(false)
      if (this.text[this.at] !== '.') return path
      this.at++
      path.push(this.key())
    }
  }

  private key(): string {
    this.skip(false)
    const c = this.text[this.at]
    if (c === '"' || c === '\'') return this.string()
    const bare = /[A-Za-z0-9_-]+/y
    bare.lastIndex = this.at
    const found = bare.exec(this.text)?.[0] ?? this.fail('expected a key')
    this.at += found.length
    return found
  }

  private pair(table: GoMap): void {
    const path = this.keyPath()
    this.expect('=')
    this.skip(false)
    const last = path.pop() ?? ''
    const into = this.descend(table, path)
    if (Object.hasOwn(into, last)) this.fail(`Key '${last}' has already been defined.`)
    setKey(into, last, this.value())
  }

  private value(): unknown {
    const c = this.text[this.at]
    if (c === '"' || c === '\'') return this.string()
    if (c === '[') return this.list()
    if (c === '{') return this.inline()
    const word = /[^\s,\]}#]+(?: \d\d:\d\d:\d\d[^\s,\]}#]*)?/y
    word.lastIndex = this.at
    const text = word.exec(this.text)?.[0] ?? this.fail('expected a value')
    this.at += text.length
    return this.scalar(text)
  }

  private scalar(text: string): unknown {
    if (text === 'true' || text === 'false') return text === 'true'
    const bare = text.replaceAll('_', '')
    if (/^[+-]?(?:0|[1-9]\d*)$/.test(bare)) return new Num('int64', BigInt(bare.replace('+', '')))
    if (/^0(?:x[0-9a-fA-F]+|o[0-7]+|b[01]+)$/.test(bare)) return new Num('int64', BigInt(bare))
    if (/^[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(bare)) return Number(bare)
    if (/^[+-]?inf$/.test(bare)) return bare.startsWith('-') ? -Infinity : Infinity
    if (/^[+-]?nan$/.test(bare)) return Number.NaN
    if (/^\d{4}-\d\d-\d\d/.test(text) || /^\d\d:\d\d/.test(text)) return text.replace(' ', 'T')
    return this.fail(`expected value but found ${JSON.stringify(text)} instead`)
  }

  private list(): unknown[] {
    this.at++
    const items: unknown[] = []
    for (;;) {
      this.skip(true)
      if (this.text[this.at] === ']') break
      items.push(this.value())
      this.skip(true)
      if (this.text[this.at] === ',') this.at++
      else if (this.text[this.at] !== ']') this.fail('expected a comma or array terminator \']\'')
    }
    this.at++
    return items
  }

  private inline(): GoMap {
    this.at++
    const table: GoMap = {}
    for (;;) {
      this.skip(true)
      if (this.text[this.at] === '}') break
      this.pair(table)
      this.skip(true)
      if (this.text[this.at] === ',') this.at++
      else if (this.text[this.at] !== '}') this.fail('expected a comma or an inline table terminator \'}\'')
    }
    this.at++
    this.closed.add(table)
    return table
  }

  private string(): string {
    const quote = this.text[this.at] ?? ''
    const triple = this.text.startsWith(quote.repeat(3), this.at)
    const end = triple ? quote.repeat(3) : quote
    let from = this.at + end.length
    if (triple && this.text.startsWith('\n', from)) from++
    let to = from
    while (!this.text.startsWith(end, to)) {
      if (to >= this.text.length || (!triple && this.text[to] === '\n')) return this.fail('unexpected end of a string')
      to += quote === '"' && this.text[to] === '\\' ? 2 : 1
    }
    while (triple && this.text[to + 3] === quote) to++
    this.at = to + end.length
    const body = this.text.slice(from, to)
    return quote === '"' ? this.unescape(body) : body
  }

  private unescape(body: string): string {
    return body.replace(/\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([ \t]*\r?\n\s*)|([\s\S]))/g, (_all, four?: string, eight?: string, fold?: string, one?: string) => {
      const code = four ?? eight
      if (code !== undefined) return String.fromCodePoint(Number.parseInt(code, 16))
      if (fold !== undefined) return ''
      return escapes[one ?? ''] ?? this.fail(`invalid escape character ${JSON.stringify(one)}`)
    })
  }
}

const escapes: Readonly<Record<string, string>> = { b: '\b', t: '\t', n: '\n', f: '\f', r: '\r', '"': '"', '\\': '\\', e: '\x1b' }

