import { formatDouble } from './float-text.ts'
import { isMap, mapEntries } from './map.ts'
import { formatDuration, formatTimestamp } from './time.ts'
import { CelDouble, CelDuration, CelOpaque, CelOptional, CelTimestamp, CelTypeValue, CelUint, type CelValue, isInt } from './value.ts'

/** A value as a person reads it in an error message. */
export function showValue(value: CelValue): string {
  if (value === null) return 'null'
  if (typeof value === 'number') return isInt(value) ? String(value) : formatDouble(value)
  if (typeof value !== 'object') return String(value)
  if (Array.isArray(value)) return `[${(value as readonly CelValue[]).map(showValue).join(', ')}]`
  if (value instanceof CelDouble) return formatDouble(value.value)
  if (value instanceof CelUint) return String(value.value)
  if (value instanceof CelTimestamp) return formatTimestamp(value)
  if (value instanceof CelDuration) return formatDuration(value)
  if (value instanceof CelTypeValue) return value.name
  if (value instanceof CelOptional) return value.value === undefined ? 'optional.none()' : `optional(${showValue(value.value)})`
  if (value instanceof CelOpaque) return value.celType.name
  if (value instanceof Uint8Array) return new TextDecoder().decode(value)
  return isMap(value) ? `{${[...mapEntries(value)].map(([key, item]) => `${showValue(key)}: ${showValue(item)}`).join(', ')}}` : ''
}
