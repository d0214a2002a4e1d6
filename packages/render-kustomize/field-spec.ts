import type { Json, JsonObject } from '@idp/formats'
import { failure } from './failure.ts'
import { isObject, setIn } from './resource.ts'
import { formatId, idOf, type Gvk } from './resource-id.ts'

/** A field of some kinds that a transformation reads or writes; empty group, version or kind match any. */
export interface FieldSpec extends Gvk {
  /** Member names joined by `/` (`\/` inside a name); lists are walked through without a mark; `name[]` demands a list there. */
  readonly path: string
  readonly create: boolean
}

export interface FieldUpdate {
  /** What to make of a field that is missing, when the spec says create; absent: never create. */
  readonly create?: 'map' | 'scalar'
  /** The new value of a found (or created) field. The same value means no change. */
  readonly set: (value: Json) => Json
}

const splitPaths = new Map<string, readonly string[]>()

/** Splits at `/`, honouring `\/`; a leading separator is ignored. */
export function splitPath(path: string, separator = '/'): readonly string[] {
  const key = separator + path
  let parts = splitPaths.get(key)
  if (parts === undefined) {
    parts = splitUncached(path, separator)
    if (splitPaths.size < 10_000) splitPaths.set(key, parts)
  }
  return parts
}

function splitUncached(path: string, separator: string): string[] {
  let pieces = path.split(separator)
  if (pieces.length > 1 && pieces[0] === '') pieces = pieces.slice(1)
  const parts: string[] = []
  for (const piece of pieces) {
    const last = parts.at(-1)
    if (last?.endsWith('\\') === true) parts[parts.length - 1] = `${last.slice(0, -1)}${separator}${piece}`
    else parts.push(piece)
  }
  return parts
}

export function specMatches(spec: Gvk, object: JsonObject): boolean {
  const id = idOf(object)
  return (spec.kind === '' || spec.kind === id.kind) && (spec.group === '' || spec.group === id.group) && (spec.version === '' || spec.version === id.version)
}

/** Applies an update at every place that `spec` names; returns the same object when nothing changed. */
export function updateField(object: JsonObject, spec: FieldSpec, update: FieldUpdate): JsonObject {
  if (!specMatches(spec, object)) return object
  const walk: Walk = { object, spec, update, parts: splitPath(spec.path) }
  return visit(walk, object, 0) as JsonObject // a map stays a map below a non-empty path
}

interface Walk { readonly object: JsonObject; readonly spec: FieldSpec; readonly update: FieldUpdate; readonly parts: readonly string[] }

function visit(walk: Walk, value: Json, depth: number): Json {
  if (depth === walk.parts.length) return guarded(walk, value)
  if (value === null || value === undefined) return value
  if (Array.isArray(value)) return mapList(value, (item) => visit(walk, item, depth))
  if (!isObject(value)) throw wrong(walk, 'expected sequence or mapping node')
  return visitMap(walk, value, depth)
}

function visitMap(walk: Walk, map: JsonObject, depth: number): Json {
  const part = walk.parts[depth] ?? ''
  const list = part.endsWith('[]')
  const name = list ? part.slice(0, -2) : part
  if (name === '') throw wrong(walk, 'cannot set or create an empty field name')
  const kind = !walk.spec.create || walk.update.create === undefined ? undefined : depth === walk.parts.length - 1 ? walk.update.create : 'map'
  const create = list ? undefined : kind
  let field = Object.hasOwn(map, name) ? map[name] : undefined
  if (field === undefined && !Object.hasOwn(map, name)) {
    if (create === undefined) return map
    field = create === 'map' ? {} : ''
  }
  if (field === null || field === undefined) {
    if (list) field = []
    else if (create !== undefined) field = create === 'map' ? {} : ''
    else field = null
  }
  const next = visit(walk, field, depth + 1)
  return next === map[name] ? map : setIn(map, name, next)
}

/** Maps a list; the same list when no element changed. */
export function mapList(list: readonly Json[], change: (item: Json) => Json): Json[] {
  let changed: Json[] | undefined
  for (let i = 0; i < list.length; i++) {
    const before = list[i] as Json // inside the bounds
    const after = change(before)
    if (after !== before) (changed ??= [...list])[i] = after
  }
  return changed ?? (list as Json[])
}

function guarded(walk: Walk, value: Json): Json {
  return walk.update.set(value)
}

function wrong(walk: Walk, reason: string): Error {
  return failure('KustomizeFieldMismatch', `considering field '${walk.spec.path}' of object ${formatId(idOf(walk.object))}: ${reason}`)
}

/** Sets a scalar: what stands there must be a scalar. */
export function scalarSetter(value: Json): (found: Json) => Json {
  return (found) => {
    if (typeof found === 'object' && found !== null) throw failure('KustomizeFieldMismatch', `wrong node kind: expected ScalarNode but was ${Array.isArray(found) ? 'SequenceNode' : 'MappingNode'}`)
    return value
  }
}

/** Sets members of a map. */
export function memberSetter(members: Readonly<Record<string, string>>): (found: Json) => Json {
  return (found) => {
    if (!isObject(found)) throw failure('KustomizeFieldMismatch', `wrong node kind: expected MappingNode but was ${Array.isArray(found) ? 'SequenceNode' : 'ScalarNode'}`)
    return { ...found, ...members }
  }
}
