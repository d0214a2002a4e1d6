import { CelFault } from './fault.ts'
import { CelBoxed, CelDouble, CelUint, type CelValue, isInt } from './value.ts'

type MapKey = string | number | bigint | boolean

/** What a key is in a JavaScript Map: numbers of all three kinds that are equal meet. Undefined for what cannot be a key. */
export function mapKeyOf(key: CelValue): MapKey | undefined {
  switch (typeof key) {
    case 'string': case 'boolean': return key
    case 'number': return key
    case 'bigint': return Number.isSafeInteger(Number(key)) ? Number(key) : key
    default:
      if (key instanceof CelUint) return Number.isSafeInteger(Number(key.value)) ? Number(key.value) : key.value
      return key instanceof CelDouble ? key.value : undefined
  }
}

/** A map whose keys are not all strings, or that an expression made. Keys keep their order of insertion. */
export class CelMap extends CelBoxed {
  override readonly kind = 'map'
  readonly entries: Map<MapKey, readonly [key: CelValue, value: CelValue]> = new Map()

  get(key: CelValue): CelValue | undefined {
    const own = mapKeyOf(key)
    return own === undefined ? undefined : this.entries.get(own)?.[1]
  }

  /** For the maker of the map only. */
  set(key: CelValue, value: CelValue): void {
    const own = mapKeyOf(key)
    if (own === undefined || (typeof own === 'number' && !isInt(own))) throw new CelFault('unsupported key type')
    this.entries.set(own, [key, value])
  }
}

export type AnyMap = CelMap | { readonly [key: string]: CelValue }

export function isMap(value: CelValue): value is AnyMap {
  return typeof value === 'object' && value !== null && (value instanceof CelMap || (!(value instanceof CelBoxed) && !Array.isArray(value) && !(value instanceof Uint8Array)))
}

/** The value under a key; undefined when there is none. */
export function mapGet(map: AnyMap, key: CelValue): CelValue | undefined {
  if (map instanceof CelMap) return map.get(key)
  return typeof key === 'string' && Object.hasOwn(map, key) ? map[key] : undefined
}

export function mapSize(map: AnyMap): number {
  if (map instanceof CelMap) return map.entries.size
  let size = 0
  for (const key in map) if (map[key] !== undefined) size++
  return size
}

export function mapKeys(map: AnyMap): CelValue[] {
  const keys: CelValue[] = []
  if (map instanceof CelMap) for (const [key] of map.entries.values()) keys.push(key)
  else for (const key in map) if (map[key] !== undefined) keys.push(key)
  return keys
}

export function* mapEntries(map: AnyMap): Generator<readonly [CelValue, CelValue]> {
  if (map instanceof CelMap) yield* map.entries.values()
  else {
    for (const key in map) {
      const value = map[key]
      if (value !== undefined) yield [key, value]
    }
  }
}
