import { fail, type Frame } from './frame.ts'
import { goType, isMap, Num, Struct, typeOf, type GoMap, type GoSlice, type ParamType } from './value.ts'

/** May nil be given for a parameter of this type? */
export function canBeNil(type: ParamType): boolean {
  return type === 'interface {}' || type === 'reflect.Value' || type === 'map[string]interface {}' || type === '[]string' || type === '[]interface {}'
}

/** A value for a parameter, in the form the function receives it, or Go's error. */
export function assign(frame: Frame, value: unknown, type: ParamType): unknown {
  switch (type) {
    case 'reflect.Value': return value
    case 'interface {}': return value ?? null
    case 'string': if (typeof value === 'string') return value; break
    case 'int': if (typeof value === 'bigint') return Number(value); break
    case 'bool': if (typeof value === 'boolean') return value; break
    case 'float64': if (typeof value === 'number') return value; break
    case 'int64': case 'time.Duration': if (value instanceof Num && value.type === type) return value.value; break
    case 'map[string]interface {}': if (isAnyMap(value)) return value; break
    case '[]string': if (Array.isArray(value) && (value as GoSlice)[goType] === '[]string') return value; break
    case '[]interface {}': if (Array.isArray(value) && (value as GoSlice)[goType] === undefined) return value; break
    case 'time.Time': if (value instanceof Struct && value.shape.type === 'time.Time') return value; break
  }
  return refuse(frame, value, type)
}

/** A map[string]interface {} or a named type of that shape. */
function isAnyMap(value: unknown): boolean {
  return isMap(value) && !((value as GoMap)[goType]?.startsWith('map[') ?? false)
}

function refuse(frame: Frame, value: unknown, type: ParamType): unknown {
  if (value === undefined) return canBeNil(type) ? null : fail(frame, `invalid value; expected ${type}`)
  return fail(frame, `wrong type for value; expected ${type}; got ${value === null ? 'interface {}' : typeOf(value)}`)
}
