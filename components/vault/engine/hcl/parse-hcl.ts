import { CodedError, messageOf } from '@idp/kit'
import { hclTokens, type HclToken } from './hcl-lexer.ts'

export type HclValue = string | number | boolean | null | readonly HclValue[] | HclObject

/** An item of a body: `key = value`, or a block `type "label" { … }` whose value is its body. */
export interface HclItem { readonly keys: readonly string[]; readonly value: HclValue; readonly line: number; readonly block: boolean }

/** A body in order; the same key may occur several times, as blocks do. */
export interface HclObject { readonly items: readonly HclItem[] }

export const isHclObject = (value: HclValue | undefined): value is HclObject => typeof value === 'object' && value !== null && 'items' in value

const deepest = 50

/**
 * Parses HCL 1 (Vault's configuration and policies), or the same as JSON.
 * `path "a/*" { capabilities = ["read"] }` gives `{ items: [{ keys: ['path', 'a/*'], value: { items: [{ keys: ['capabilities'], value: ['read'] }] } }] }`.
 * @throws CodedError `InvalidHcl` with the line
 */
export function parseHcl(source: string, where = 'input'): HclObject {
  if (source.trimStart().startsWith('{')) return fromJson(source, where)
  const tokens = hclTokens(source, where)
  let at = 0
  const peek = (): HclToken => tokens[at] ?? { type: 'end', text: '', line: 0 }
  const next = (): HclToken => { const token = peek(); at++; return token }
  const fail = (message: string, line = peek().line) => new CodedError({ code: 'InvalidHcl', message, where: `${where}:${line}` })
  const is = (text: string): boolean => peek().type === 'symbol' && peek().text === text

  function body(close: string | undefined, depth: number): HclObject {
    if (depth > deepest) throw fail('blocks are nested too deeply')
    const items: HclItem[] = []
    while (close === undefined ? peek().type !== 'end' : !is(close)) {
      if (peek().type === 'end') throw fail('object expected closing RBRACE got: EOF')
      items.push(item(depth))
      if (is(',')) next()
    }
    if (close !== undefined) next()
    return { items }
  }
  function item(depth: number): HclItem {
    const keys: string[] = []
    const { line } = peek()
    while (peek().type === 'word' || peek().type === 'string' || peek().type === 'number') keys.push(next().text)
    if (keys.length === 0) throw fail(`a key is expected, not ${JSON.stringify(peek().text)}`)
    if (is('{')) return { keys, value: (next(), body('}', depth + 1)), line, block: true }
    if (!is('=') && !is(':')) throw fail(`key ${JSON.stringify(keys.join(' '))} expected start of object ('{') or assignment ('=')`, line)
    if (keys.length > 1) throw fail('a key is assigned once, without labels', line)
    next()
    return { keys, value: value(depth), line, block: false }
  }
  function value(depth: number): HclValue {
    const token = next()
    if (token.type === 'string') return token.text
    if (token.type === 'number') return Number(token.text)
    if (token.type === 'word' && (token.text === 'true' || token.text === 'false')) return token.text === 'true'
    if (token.type === 'word' && token.text === 'null') return null
    if (token.type === 'symbol' && token.text === '{') return body('}', depth + 1)
    if (token.type === 'symbol' && token.text === '[') return array(depth + 1)
    throw fail(`a value is expected, not ${JSON.stringify(token.text)}`, token.line)
  }
  function array(depth: number): HclValue[] {
    if (depth > deepest) throw fail('lists are nested too deeply')
    const items: HclValue[] = []
    while (!is(']')) {
      if (peek().type === 'end') throw fail('a list is not closed')
      items.push(value(depth))
      if (is(',')) next()
      else if (!is(']')) throw fail(`error parsing list, expected comma or list end, got: ${JSON.stringify(peek().text)}`)
    }
    next()
    return items
  }
  return body(undefined, 0)
}

/** JSON: members whose value is an object (or a list of objects) of objects are labelled blocks, as HCL reads them. */
function fromJson(source: string, where: string): HclObject {
  let parsed: unknown
  try {
    parsed = JSON.parse(source)
  } catch (cause) {
    throw new CodedError({ code: 'InvalidHcl', message: `not JSON: ${messageOf(cause)}`, where, cause })
  }
  return toHcl(parsed) as HclObject
}

function toHcl(value: unknown): HclValue {
  if (Array.isArray(value)) return value.map(toHcl)
  if (typeof value !== 'object' || value === null) return value as HclValue
  return { items: Object.entries(value).map(([key, member]) => ({ keys: [key], value: toHcl(member), line: 1, block: false })) }
}

/**
 * All blocks of a type with their labels: `path "x" {…}`, and JSON's `{"path": {"x": {…}}}` and lists of those.
 * @param labels how many labels the block has, 0 or 1
 */
export function blocksOf(object: HclObject, type: string, labels: 0 | 1): { readonly label: string; readonly body: HclObject; readonly line: number }[] {
  return object.items.filter((item) => item.keys[0] === type).flatMap((item) => {
    const bodies = (Array.isArray(item.value) ? item.value as readonly HclValue[] : [item.value]).filter(isHclObject)
    if (labels === 0) return bodies.map((body) => ({ label: '', body, line: item.line }))
    const [, label] = item.keys
    if (label !== undefined) return bodies.map((body) => ({ label, body, line: item.line }))
    return bodies.flatMap((outer) => outer.items.flatMap((inner) => (Array.isArray(inner.value) ? inner.value as readonly HclValue[] : [inner.value]).filter(isHclObject)
      .map((body) => ({ label: inner.keys[0] ?? '', body, line: inner.line }))))
  })
}

/** The value of the last `key = …` of a body. */
export function valueOf(object: HclObject, key: string): HclValue | undefined {
  return object.items.findLast((item) => item.keys.length === 1 && item.keys[0] === key)?.value
}

/** A body as a plain object. */
export function plain(value: HclValue): unknown {
  if (Array.isArray(value)) return (value as readonly HclValue[]).map(plain)
  return isHclObject(value) ? Object.fromEntries(value.items.map((item) => [item.keys.join(' '), plain(item.value)])) : value
}
