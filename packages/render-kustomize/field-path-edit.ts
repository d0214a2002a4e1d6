import { resolvePlainScalar, type Json, type JsonObject } from '@idp/formats'
import { failure } from './failure.ts'
import { mapList, splitPath } from './field-spec.ts'
import { isObject, scalarText } from './resource.ts'
import { goPattern } from './selector.ts'

/** Splits a path at dots; `[name=x.y]` stays whole, `[a.b]` is one name, `\.` is a dot in a name. */
export function splitFieldPath(path: string): string[] {
  const parts: string[] = []
  const pieces = splitPath(path, '.')
  for (let i = 0; i < pieces.length; i++) {
    let piece = pieces[i] ?? ''
    if (!piece.startsWith('[') || piece.endsWith(']')) { parts.push(piece); continue }
    while (i + 1 < pieces.length && !piece.endsWith(']')) piece += `.${pieces[++i] ?? ''}`
    parts.push(piece.includes('=') ? piece : piece.replace(/^[[\]]+|[[\]]+$/g, ''))
  }
  return parts
}

/** Reads one value; undefined when there is none. Understands names, indices, `-` for the last element and `[name=value]`. */
export function lookupPath(value: Json | undefined, parts: readonly string[]): Json | undefined {
  let at = value
  for (const part of parts) {
    if (part === '') continue
    if (at === undefined || at === null) return undefined
    at = step(at, part)
  }
  return at
}

function step(value: Json, part: string): Json | undefined {
  if (part === '*') throw failure('InvalidFieldPath', 'wildcard is not supported in PathGetter')
  const list = /^(?:\d+|-)$/.test(part) || isListIndex(part)
  if (!list) {
    if (!isObject(value)) throw failure('KustomizeFieldMismatch', `wrong node kind: expected MappingNode but was ${Array.isArray(value) ? 'SequenceNode' : 'ScalarNode'}`)
    return Object.hasOwn(value, part) ? value[part] : undefined
  }
  if (!Array.isArray(value)) throw failure('KustomizeFieldMismatch', 'wrong node kind: expected SequenceNode')
  if (part === '-') return value.at(-1)
  if (/^\d+$/.test(part)) return value[Number(part)]
  const [name, wanted] = elementMatch(part)
  return value.find((item) => (name === '' ? scalarText(item) === wanted : isObject(item) && item[name] !== undefined && scalarText(item[name]) === wanted))
}

const isListIndex = (part: string): boolean => part.startsWith('[') && part.endsWith(']')

function elementMatch(part: string): [string, string] {
  const inner = part.slice(1, -1)
  const at = inner.indexOf('=')
  if (at < 0) throw failure('InvalidFieldPath', 'list entry key must be specified', part)
  return [inner.slice(0, at), inner.slice(at + 1)]
}

export interface PathEdit {
  /** What to make at the end of a path that does not exist; absent: nothing. */
  readonly create: 'scalar' | 'map' | 'list' | undefined
  /** The new value. `created` is true for one made on the way. */
  readonly set: (found: Json, created: boolean) => Json
}

/** Changes every value a path leads to and counts them. `*` is every element of a list, the value of `[name=pattern]` a regular expression. */
export function editPath(value: Json, parts: readonly string[], edit: PathEdit): { value: Json; count: number } {
  const state: Editing = { edit, count: 0 }
  const result = visit(state, value, parts, false)
  return { value: result, count: state.count }
}

interface Editing { readonly edit: PathEdit; count: number }

function visit(state: Editing, value: Json, parts: readonly string[], created: boolean): Json {
  const [part, ...rest] = parts
  if (part === undefined) {
    state.count++
    return state.edit.set(value, created)
  }
  if (/^\d+$/.test(part)) return visitIndex(state, value, Number(part), rest)
  if (isListIndex(part)) return visitMatching(state, value, part, rest)
  if (part === '*') return mapList(demandList(value), (item) => visit(state, item, rest, false))
  if (!isObject(value)) throw failure('KustomizeFieldMismatch', `wrong node kind: expected MappingNode but was ${Array.isArray(value) ? 'SequenceNode' : 'ScalarNode'}`)
  const present = Object.hasOwn(value, part)
  if (!present && state.edit.create === undefined) return value
  const before = present ? (value[part] ?? null) : blank(state, rest[0])
  const after = visit(state, before, rest, !present)
  return after === before && present ? value : { ...value, [part]: after }
}

function blank(state: Editing, next: string | undefined): Json {
  if (next !== undefined) return /^\d+$/.test(next) || isListIndex(next) || next === '-' ? [] : {}
  return state.edit.create === 'map' ? {} : state.edit.create === 'list' ? [] : ''
}

function demandList(value: Json): Json[] {
  if (!Array.isArray(value)) throw failure('KustomizeFieldMismatch', `wrong node kind: expected SequenceNode but was ${isObject(value) ? 'MappingNode' : 'ScalarNode'}`)
  return value
}

function visitIndex(state: Editing, value: Json, index: number, rest: readonly string[]): Json {
  let list = demandList(value)
  const created = list.length === index && state.edit.create !== undefined
  if (created) list = [...list, blank(state, rest[0])]
  if (list.length <= index) throw failure('FieldNotFound', `index ${index} specified but only ${list.length} elements found`)
  const before = list[index] ?? null
  const after = visit(state, before, rest, created)
  return after === before && !created ? list : list.with(index, after)
}

function visitMatching(state: Editing, value: Json, part: string, rest: readonly string[]): Json {
  const [name, wanted] = elementMatch(part)
  const pattern = goPattern(wanted)
  const fits = (item: Json): boolean => {
    const text = name === '' ? item : isObject(item) ? item[name] : undefined
    return text !== undefined && pattern.test(scalarText(text))
  }
  const list = demandList(value)
  const start = state.count
  const edited = mapList(list, (item) => (fits(item) ? visit(state, item, name === '' ? [] : rest, false) : item))
  if (state.count > start || state.edit.create === undefined) return edited
  const scalar = resolvePlainScalar(wanted, 'kustomize')?.value ?? wanted
  const made: Json = name === '' ? scalar : { [name]: scalar }
  if (!fits(made)) throw failure('InvalidFieldPath', `no element can be made for ${part}`)
  return [...edited, visit(state, made, name === '' ? [] : rest, name === '')]
}

export type { JsonObject }
