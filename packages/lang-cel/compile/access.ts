import { CelFault, noSuchKey, noSuchOverload } from '../value/fault.ts'
import { CelMap, isMap, mapGet, mapKeyOf } from '../value/map.ts'
import { CelBoxed, CelDouble, CelOpaque, CelOptional, CelUint, type CelValue, isInt, optionalNone } from '../value/value.ts'

/** Whether a property of this name is found on every JavaScript object. */
export const isInherited = (name: string): boolean => name in Object.prototype

/** The field of a map, object or library value; undefined when it has none of that name. */
export function fieldOf(value: CelValue, name: string): CelValue | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw noSuchOverload()
  if (!(value instanceof CelBoxed)) {
    if (value instanceof Uint8Array) throw noSuchOverload()
    return isInherited(name) && !Object.hasOwn(value, name) ? undefined : (value as Record<string, CelValue>)[name]
  }
  if (value instanceof CelMap) return value.get(name)
  if (value instanceof CelOpaque) return value.getField(name)
  throw noSuchOverload()
}

/** `value.name`; through an optional the result is optional too. */
export function select(value: CelValue, name: string): CelValue {
  if (value instanceof CelOptional) return selectOptional(value, name)
  const found = fieldOf(value, name)
  if (found === undefined) throw value instanceof CelOpaque ? new CelFault(`no such field '${name}'`) : noSuchKey(name)
  return found
}

/** `value.?name`. */
export function selectOptional(value: CelValue, name: string): CelOptional {
  if (value instanceof CelOptional) return value.value === undefined ? value : selectOptional(value.value, name)
  const found = fieldOf(value, name)
  return found === undefined ? optionalNone : new CelOptional(found)
}

/** `has(value.name)`. */
export function hasField(value: CelValue, name: string): boolean {
  if (value instanceof CelOptional) return value.value !== undefined && hasField(value.value, name)
  return fieldOf(value, name) !== undefined
}

/** `value[key]` of a list or map. */
export function index(value: CelValue, key: CelValue): CelValue {
  if (value instanceof CelOptional) return indexOptional(value, key)
  if (Array.isArray(value)) {
    const at = listIndex(key)
    const found = (value as readonly CelValue[])[at]
    if (found === undefined) throw new CelFault(`index out of bounds: ${at}`)
    return found
  }
  const found = lookUp(value, key)
  if (found === undefined) throw noSuchKey(showKey(key))
  return found
}

/** `value[?key]`. */
export function indexOptional(value: CelValue, key: CelValue): CelOptional {
  if (value instanceof CelOptional) return value.value === undefined ? value : indexOptional(value.value, key)
  const found = Array.isArray(value) ? (value as readonly CelValue[])[listIndex(key)] : lookUp(value, key)
  return found === undefined ? optionalNone : new CelOptional(found)
}

function lookUp(value: CelValue, key: CelValue): CelValue | undefined {
  if (typeof key === 'string') return fieldOf(value, key)
  if (!isMap(value)) throw noSuchOverload()
  if (mapKeyOf(key) === undefined) throw new CelFault('unsupported key type')
  return mapGet(value, key)
}

function listIndex(key: CelValue): number {
  if (typeof key === 'number' && isInt(key)) return key
  if (typeof key === 'bigint') return Number(key)
  if (key instanceof CelDouble) return key.value
  if (key instanceof CelUint) return Number(key.value)
  if (typeof key === 'number') throw new CelFault(`invalid_argument: unsupported index value ${key}`)
  throw new CelFault('unsupported index type in list')
}

export function showKey(key: CelValue): string {
  if (key instanceof CelUint || key instanceof CelDouble) return String(key.value)
  return String(key)
}
