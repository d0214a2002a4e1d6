import type { Json, JsonObject } from '@idp/formats'
import { notPlain, plainScalar, quotedEnd, unquoted } from './plain-yaml.ts'

/** A scalar without quotes: no sign of a collection, no comment, and a colon only where it ends no key. */
const word = /(?:[A-Za-z0-9_./$(^+<=~]|-(?=[A-Za-z0-9]))(?:[^\s,[\]{}#:]|:(?=[^\s,[\]{}])| +(?=[^\s,[\]{}#:]))*/y

interface Flow { readonly text: string; readonly limit: number; at: number }

/** A flow collection that begins at `from`, of quoted scalars and simple words; throws `notPlain` for any other. */
export function readFlow(text: string, from: number): { value: Json; end: number } {
  const flow: Flow = { text, limit: text.length, at: from }
  const value = readNode(flow, 0)
  return { value, end: flow.at }
}

function readNode(flow: Flow, depth: number): Json {
  if (depth > 20) throw notPlain
  const sign = flow.text[flow.at]
  if (sign === '[') return readList(flow, depth)
  if (sign === '{') return readMap(flow, depth)
  if (sign === '"' || sign === '\'') return readQuoted(flow)
  return plainScalar(readWord(flow))
}

function readQuoted(flow: Flow): string {
  const end = quotedEnd(flow.text, flow.at, flow.limit)
  // It may not go on in the next line.
  if (flow.text.slice(flow.at, end).includes('\n')) throw notPlain
  const value = unquoted(flow.text.slice(flow.at, end))
  flow.at = end
  return value
}

function readWord(flow: Flow): string {
  word.lastIndex = flow.at
  const found = word.exec(flow.text)?.[0]
  if (found === undefined) throw notPlain
  flow.at += found.length
  return found
}

/** Skips space, line breaks and comments; answers the sign that follows. As libyaml has it, indentation means nothing here. */
function space(flow: Flow): string | undefined {
  const { text } = flow
  for (;;) {
    while (text[flow.at] === ' ' || text[flow.at] === '\n') flow.at++
    if (text[flow.at] !== '#' || (text[flow.at - 1] !== ' ' && text[flow.at - 1] !== '\n')) break
    const end = text.indexOf('\n', flow.at)
    if (end < 0) throw notPlain
    flow.at = end
  }
  return flow.at < flow.limit ? text[flow.at] : undefined
}

/** Behind an item: true when another follows. */
function another(flow: Flow, close: string): boolean {
  const sign = space(flow)
  if (sign !== close && sign !== ',') throw notPlain
  flow.at++
  if (sign === close) return false
  if (space(flow) !== close) return true
  flow.at++
  return false
}

function readList(flow: Flow, depth: number): Json[] {
  const items: Json[] = []
  flow.at++
  if (space(flow) === ']') {
    flow.at++
    return items
  }
  do items.push(readNode(flow, depth + 1))
  while (another(flow, ']'))
  return items
}

function readMap(flow: Flow, depth: number): JsonObject {
  const map: JsonObject = {}
  flow.at++
  if (space(flow) === '}') {
    flow.at++
    return map
  }
  do {
    const sign = flow.text[flow.at]
    const key = sign === '"' || sign === '\'' ? readQuoted(flow) : plainScalar(readWord(flow))
    if (key === null || typeof key === 'object' || key === '__proto__' || flow.text[flow.at] !== ':' || (flow.text[flow.at + 1] !== ' ' && flow.text[flow.at + 1] !== '\n')) throw notPlain
    flow.at++
    space(flow)
    map[String(key)] = readNode(flow, depth + 1)
  } while (another(flow, '}'))
  return map
}
