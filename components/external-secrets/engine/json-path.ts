/** One step of a path: a member or index (with wildcards), all items, or those that a query picks. */
type Step = { readonly at: 'member'; readonly name: string; readonly pattern?: RegExp } | { readonly at: 'items' } | { readonly at: 'query'; readonly query: Query; readonly all: boolean }
interface Query { readonly path: string; readonly operator: string; readonly value: unknown }

/**
 * The value at a path in gjson's syntax (https://github.com/tidwall/gjson/blob/master/SYNTAX.md): `a.b.0`, `\.` for a dot in a name, `*` and `?` for any signs, `#` for
 * the length or, with more behind it, for every item, `#(name=="x")` for the first item that fits and `#(…)#` for all of them.
 * @returns undefined when there is nothing
 * @throws Error for modifiers (`@…`) and for paths of several (`{…}`, `[…]`), which are not supported
 */
export function valueAt(document: unknown, path: string): unknown {
  return walk(document, parse(path))
}

function walk(value: unknown, [step, ...rest]: readonly Step[]): unknown {
  if (step === undefined) return value
  if (step.at === 'member') return walk(member(value, step), rest)
  if (!Array.isArray(value)) return undefined
  if (step.at === 'items') return rest.length === 0 ? value.length : each(value, rest)
  const fits = value.filter((item) => matches(item, step.query))
  if (!step.all) return fits.length === 0 ? undefined : walk(fits[0], rest)
  const [after, ...more] = rest
  return after === undefined ? fits : after.at === 'items' && more.length === 0 ? fits.length : each(fits, rest)
}

const each = (items: readonly unknown[], rest: readonly Step[]): unknown[] => items.map((item) => walk(item, rest)).filter((found) => found !== undefined)

function member(value: unknown, { name, pattern }: Extract<Step, { at: 'member' }>): unknown {
  if (Array.isArray(value)) return /^\d+$/.test(name) ? value[Number(name)] : undefined
  if (typeof value !== 'object' || value === null) return undefined
  const key = pattern === undefined ? name : Object.keys(value).find((each) => pattern.test(each))
  return key !== undefined && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined
}

function matches(item: unknown, { path, operator, value }: Query): boolean {
  const left = path === '' ? item : valueAt(item, path)
  if (left === undefined) return false
  if (operator === '') return true
  if (operator === '%' || operator === '!%') return typeof left === 'string' && (wildcard(String(value)).test(left) === (operator === '%'))
  if (operator === '==' || operator === '=') return left === value
  if (operator === '!=') return left !== value
  if (typeof left !== typeof value || (typeof left !== 'string' && typeof left !== 'number')) return false
  const right = value as typeof left
  return operator === '<' ? left < right : operator === '<=' ? left <= right : operator === '>' ? left > right : left >= right
}

const wildcard = (text: string): RegExp => new RegExp(`^${[...text].map((sign) => (sign === '*' ? '.*' : sign === '?' ? '.' : sign.replace(/[\\^$.|+()[\]{}]/, String.raw`\$&`))).join('')}$`, 's')

function parse(path: string): Step[] {
  const steps: Step[] = []
  for (let rest = path; rest !== '';) {
    if (/^[@{[!]/.test(rest)) throw new Error(`the path ${JSON.stringify(path)} uses ${rest[0] ?? ''}, which is not supported by this stand-in`)
    const query = rest.startsWith('#(') ? closing(rest) : -1
    const end = query >= 0 ? query + (rest[query] === '#' ? 1 : 0) : partEnd(rest)
    const part = rest.slice(0, end)
    if (query >= 0) steps.push({ at: 'query', query: parseQuery(rest.slice(2, query - 1)), all: rest[query] === '#' })
    else if (part === '#') steps.push({ at: 'items' })
    else steps.push(named(part))
    rest = rest.slice(end).replace(/^[.|]/, '')
  }
  return steps
}

/** Behind the bracket that closes a query. */
function closing(text: string): number {
  let depth = 0
  for (let at = 1; at < text.length; at++) {
    if (text[at] === '"') at = Math.max(at, quoteEnd(text, at))
    else if (text[at] === '(') depth++
    else if (text[at] === ')' && --depth === 0) return at + 1
  }
  throw new Error(`the query in ${JSON.stringify(text)} is not closed`)
}

function quoteEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at
  }
  return text.length
}

function partEnd(text: string): number {
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '.' || text[at] === '|') return at
  }
  return text.length
}

function named(part: string): Step {
  const name = part.replaceAll(/\\(.)/g, '$1')
  return /(^|[^\\])[*?]/.test(part) ? { at: 'member', name, pattern: wildcard(name) } : { at: 'member', name }
}

function parseQuery(text: string): Query {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"') at = quoteEnd(text, at)
    else if (text[at] === '(') depth++
    else if (text[at] === ')') depth--
    const operator = depth === 0 ? /^(==|!=|<=|>=|!%|=|<|>|%)/.exec(text.slice(at))?.[0] : undefined
    if (operator !== undefined) return { path: text.slice(0, at).trim(), operator, value: literal(text.slice(at + operator.length).trim()) }
  }
  return { path: text.trim(), operator: '', value: undefined }
}

const words: Readonly<Record<string, unknown>> = { true: true, false: false, null: null }

function literal(text: string): unknown {
  if (text.startsWith('"')) return JSON.parse(text)
  if (Object.hasOwn(words, text)) return words[text]
  return text === '' || Number.isNaN(Number(text)) ? text : Number(text)
}
