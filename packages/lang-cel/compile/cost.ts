import { CelMap, mapSize, isMap } from '../value/map.ts'
import { CelBoxed, type CelValue } from '../value/value.ts'
import { codePoints } from '../value/text.ts'

/** The size that costs are reckoned with: characters, bytes, elements; 1 for everything else. */
export function costSize(value: CelValue): number {
  if (typeof value === 'string') return codePoints(value)
  if (typeof value !== 'object' || value === null) return 1
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length
  if (value instanceof CelBoxed && !(value instanceof CelMap)) return 1
  return isMap(value) ? mapSize(value) : 1
}

const traversal = 0.1

/** Going once through a text, list or map. */
export const traversalCost = (value: CelValue): number => Math.ceil(costSize(value) * traversal)

export function equalsCost(a: CelValue, b: CelValue): number {
  if (typeof a === 'number' || typeof b === 'number' || typeof a === 'boolean' || a === null || b === null) return 1
  return Math.ceil(Math.min(costSize(a), costSize(b)) * traversal)
}

export function compareCost(a: CelValue, b: CelValue): number {
  return (typeof a === 'string' && typeof b === 'string') || a instanceof Uint8Array ? Math.ceil(Math.min(costSize(a), costSize(b)) * traversal) : 1
}

export function addCost(a: CelValue, b: CelValue): number {
  return typeof a === 'string' || a instanceof Uint8Array ? Math.ceil((costSize(a) + costSize(b)) * traversal) : 1
}

export function inCost(_a: CelValue, b: CelValue): number {
  return Array.isArray(b) ? b.length : 1
}

