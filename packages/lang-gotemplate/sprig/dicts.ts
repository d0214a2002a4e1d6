import { sprintf } from '../format.ts'
import { GoError } from '../go-error.ts'
import { sortedKeys } from '../go-string.ts'
import { notePath, readsNothing, readsShallow, type ReadsOf } from '../reads.ts'
import { fn, isMap, isTrue, NamedMap, reading, setKey, strings, Struct, typeOf, typedSlice, goType, isNilSlice, type GoFunction, type GoMap, type GoSlice } from '../value.ts'
import { strval } from './conversion.ts'

/** Told of a change of one key of a map just before it happens; `value` is undefined when the key goes. */
export type Changed = (map: GoMap, key: string, value: unknown) => void

/** Sprig's functions on dictionaries. `changed` is told of every map that a template changes. */
export function dictFunctions(changed: Changed): readonly (readonly [string, GoFunction])[] {
  const mergeInto = (overwrite: boolean) => (target: GoMap | null, ...sources: (GoMap | null)[]) => {
    const map = target ?? {}
    for (const source of sources) if (source !== null) merge(map, source, overwrite, changed)
    return map
  }
  return [
    ['dict', reading(readsNothing, fn('...any', dict))],
    ['get', reading(readsKey, fn('map string', (map: GoMap | null, key: string) => (map !== null && Object.hasOwn(map, key) ? map[key] : '')))],
    ['set', reading(readsNothing, fn('map string any', (map: GoMap | null, key: string, value: unknown) => {
      if (map === null) throw new GoError('assignment to entry in nil map')
      changed(map, key, value)
      setKey(map, key, value)
      return map
    }))],
    ['unset', reading(readsNothing, fn('map string', (map: GoMap | null, key: string) => {
      if (map === null) return null
      changed(map, key, undefined)
      delete map[key]
      return map
    }))],
    ['hasKey', reading(readsKey, fn('map string', (map: GoMap | null, key: string) => map !== null && Object.hasOwn(map, key)))],
    ['pluck', reading((reads, [key, ...maps]) => { for (const map of maps) notePath(reads, map, [key]) }, fn('string ...map', (key: string, ...maps: (GoMap | null)[]) => maps.filter((map) => map !== null && Object.hasOwn(map, key)).map((map) => map?.[key])))],
    ['keys', reading(readsShallow, fn('...map', (...maps: (GoMap | null)[]) => strings(maps.flatMap((map) => sortedKeys(map ?? {})))))],
    ['values', reading(readsShallow, fn('map', (map: GoMap | null) => sortedKeys(map ?? {}).map((key) => map?.[key])))],
    ['pick', reading(readsShallow, fn('map ...string', (map: GoMap | null, ...keys: string[]) => filtered(map, (key) => keys.includes(key))))],
    ['omit', reading(readsShallow, fn('map ...string', (map: GoMap | null, ...keys: string[]) => filtered(map, (key) => !keys.includes(key))))],
    ['merge', fn('map ...map', mergeInto(false))],
    ['mustMerge', fn('map ...map', mergeInto(false))],
    ['mergeOverwrite', fn('map ...map', mergeInto(true))],
    ['mustMergeOverwrite', fn('map ...map', mergeInto(true))],
    ['deepCopy', fn('any', deepCopy)],
    ['mustDeepCopy', fn('any', deepCopy)],
    ['dig', { ...reading((reads, args) => notePath(reads, args.at(-1), args.slice(0, -2)), fn('...any', dig)), marksNamed: true }],
  ]
}

function dict(...pairs: unknown[]): GoMap {
  const map: GoMap = {}
  for (let i = 0; i < pairs.length; i += 2) setKey(map, strval(pairs[i]), i + 1 < pairs.length ? pairs[i + 1] : '')
  return map
}

function filtered(map: GoMap | null, keep: (key: string) => boolean): GoMap {
  const out: GoMap = {}
  for (const key of Object.keys(map ?? {})) if (keep(key)) setKey(out, key, map?.[key])
  return out
}

/** mergo's merge: fills what is missing or empty; with `overwrite` the source wins. Nested maps are shared, not copied. */
function merge(target: GoMap, source: GoMap, overwrite: boolean, changed: Changed): void {
  for (const key of Object.keys(source)) {
    const from = source[key]
    const has = Object.hasOwn(target, key)
    const into = has ? target[key] : undefined
    if (from === null || from === undefined) {
      if (overwrite) put(target, key, null, changed)
      continue
    }
    const bothMaps = isMap(from) && isMap(into)
    if (bothMaps && into !== from) merge(into, from, overwrite, changed)
    if (has && isTrue(into) && (bothMaps || (Array.isArray(from) && !overwrite))) continue
    if (overwrite || !has || !isTrue(into)) put(target, key, from, changed)
  }
}

function put(map: GoMap, key: string, value: unknown, changed: Changed): void {
  changed(map, key, value)
  setKey(map, key, value)
}

const readsKey: ReadsOf = (reads, [map, key]) => notePath(reads, map, [key])

function deepCopy(value: unknown): unknown {
  if (Array.isArray(value)) {
    const type = (value as GoSlice)[goType]
    if (isNilSlice(value)) return value
    const items = value.map(deepCopy)
    return type === undefined ? items : typedSlice(type, items)
  }
  if (!isMap(value) || value instanceof Struct) return value
  const out: GoMap = {}
  for (const key of Object.keys(value)) setKey(out, key, deepCopy(value[key]))
  const type = value[goType]
  if (type !== undefined) Object.defineProperty(out, goType, { value: type })
  return out
}

function dig(...args: unknown[]): unknown {
  if (args.length < 3) throw new GoError('dig needs at least three arguments')
  const [last, fallback] = [args.at(-1), args.at(-2)]
  let map = asMap(last)
  const keys = args.slice(0, -2).map((key) => {
    if (typeof key !== 'string') throw new GoError(sprintf('interface conversion: interface {} is %s, not string', [key === null ? 'nil' : typeOf(key)]))
    return key
  })
  for (const [i, key] of keys.entries()) {
    if (!Object.hasOwn(map, key)) return fallback
    if (i === keys.length - 1) return map[key]
    map = asMap(map[key])
  }
  return fallback
}

function asMap(value: unknown): GoMap {
  if (value instanceof NamedMap) throw new GoError(`interface conversion: interface {} is ${value.type}, not map[string]interface {}`)
  if (isMap(value) && !(value[goType]?.startsWith('map[') ?? false)) return value
  throw new GoError(`interface conversion: interface {} is ${value === null || value === undefined ? 'nil' : typeOf(value)}, not map[string]interface {}`)
}
