import type { Json } from '@idp/formats'
import { CodedError } from '@idp/kit'
import { isMap, mapEntries } from './map.ts'
import { showValue } from './show.ts'
import { formatDuration, formatTimestamp } from './time.ts'
import { CelDouble, CelDuration, CelOptional, CelTimestamp, CelTypeValue, CelUint, type CelValue } from './value.ts'

/** JSON is a CEL value as it is; this only says so in types. */
export function jsonToCel(json: Json): CelValue {
  return json as CelValue
}

/**
 * JSON of a value: bytes in base64, timestamps and durations as text, an empty optional is null, keys of maps become text. Integers beyond
 * 2^53 lose their last digits as JSON numbers do here. A type or a library's object has no JSON: CelNoJson.
 */
export function celToJson(value: CelValue): Json {
  switch (typeof value) {
    case 'string': case 'boolean': return value
    case 'number': return Number.isFinite(value) ? value : String(value)
    case 'bigint': return Number(value)
    default:
  }
  if (value === null) return null
  if (Array.isArray(value)) return (value as readonly CelValue[]).map(celToJson)
  if (value instanceof CelDouble) return value.value
  if (value instanceof CelUint) return Number(value.value)
  if (value instanceof CelTimestamp) return formatTimestamp(value)
  if (value instanceof CelDuration) return formatDuration(value)
  if (value instanceof CelOptional) return value.value === undefined ? null : celToJson(value.value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof CelTypeValue || !isMap(value)) throw new CodedError({ code: 'CelNoJson', message: `${showValue(value)} has no JSON form` })
  const object: Record<string, Json> = {}
  for (const [key, item] of mapEntries(value)) Object.defineProperty(object, showValue(key), { value: celToJson(item), enumerable: true, writable: true, configurable: true })
  return object
}
