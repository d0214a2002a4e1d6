import type { Type } from '@bufbuild/cel-spec/cel/expr/checked_pb.js'
import { Type_PrimitiveType, Type_WellKnownType } from '@bufbuild/cel-spec/cel/expr/checked_pb.js'
import type { Value } from '@bufbuild/cel-spec/cel/expr/value_pb.js'
import { anyUnpack, type Any } from '@bufbuild/protobuf/wkt'
import { DurationSchema, TimestampSchema } from '@bufbuild/protobuf/wkt'
import {
  anyType, boolType, bytesType, CelDouble, CelDuration, celEquals, CelMap, CelTimestamp, type CelType, CelTypeValue, CelUint, type CelValue, doubleType, durationType, dynType, intType, isMap, kindOf, listType,
  makeDouble, mapEntries, mapSize, mapType, nullType, opaqueType, optionalType, paramType, stringType, timestampType, typeType, uintType,
} from '@idp/lang-cel'

const primitives: Readonly<Record<number, CelType>> = {
  [Type_PrimitiveType.BOOL]: boolType, [Type_PrimitiveType.INT64]: intType, [Type_PrimitiveType.UINT64]: uintType, [Type_PrimitiveType.DOUBLE]: doubleType, [Type_PrimitiveType.STRING]: stringType, [Type_PrimitiveType.BYTES]: bytesType,
}
const wellKnown: Readonly<Record<number, CelType>> = { [Type_WellKnownType.ANY]: anyType, [Type_WellKnownType.TIMESTAMP]: timestampType, [Type_WellKnownType.DURATION]: durationType }

/** Our type of the specification's. */
export function fromSpecType({ typeKind: { case: kind, value } }: Type): CelType {
  const inner = (type: Type | undefined) => type ? fromSpecType(type) : dynType
  switch (kind) {
    case 'null': return nullType
    case 'primitive': return primitives[value] ?? dynType
    case 'wellKnown': return wellKnown[value] ?? dynType
    case 'listType': return listType(inner(value.elemType))
    case 'mapType': return mapType(inner(value.keyType), inner(value.valueType))
    case 'messageType': return value === timestampType.name ? timestampType : value === durationType.name ? durationType : opaqueType(value)
    case 'typeParam': return paramType(value)
    case 'type': return typeType(fromSpecType(value))
    case 'abstractType': return value.name === 'optional_type' ? optionalType(inner(value.parameterTypes[0])) : opaqueType(value.name, ...value.parameterTypes.map(fromSpecType))
    default: return dynType
  }
}

/** Our value of the specification's. */
export function fromSpecValue({ kind: { case: kind, value } }: Value): CelValue {
  switch (kind) {
    case 'boolValue': case 'stringValue': case 'bytesValue': return value
    case 'int64Value': return Number.isSafeInteger(Number(value)) ? Number(value) : value
    case 'uint64Value': return new CelUint(value)
    case 'doubleValue': return makeDouble(value)
    case 'listValue': return value.values.map(fromSpecValue)
    case 'typeValue': return new CelTypeValue(value)
    case 'objectValue': return unpack(value)
    case 'mapValue': {
      const map = new CelMap()
      for (const { key, value: item } of value.entries) if (key && item) map.set(fromSpecValue(key), fromSpecValue(item))
      return map
    }
    default: return null
  }
}

function unpack(any: Any): CelValue {
  const timestamp = anyUnpack(any, TimestampSchema)
  if (timestamp) return new CelTimestamp(Number(timestamp.seconds), timestamp.nanos)
  const duration = anyUnpack(any, DurationSchema)
  if (duration) return new CelDuration(duration.seconds * 1_000_000_000n + BigInt(duration.nanos))
  throw new Error(`message ${any.typeUrl}`)
}

/** Why a value is not the one that is wanted, kinds included; undefined when it is. */
export function sameAsSpec(got: CelValue, spec: Value): string | undefined {
  const want = fromSpecValue(spec)
  return same(got, want) ? undefined : `want ${show(want)}, got ${show(got)}`
}

function same(got: CelValue, want: CelValue): boolean {
  if (kindOf(got) !== kindOf(want)) return false
  if (Array.isArray(got) && Array.isArray(want)) return got.length === want.length && got.every((item: CelValue, i) => same(item, (want as CelValue[])[i] ?? null))
  if (got !== null && want !== null && isMap(got) && isMap(want)) {
    const wanted = [...mapEntries(want)]
    return mapSize(got) === wanted.length && wanted.every(([key, item]) => [...mapEntries(got)].some(([k, v]) => celEquals(k, key) && same(v, item)))
  }
  if (kindOf(got) === 'double') return Object.is(number(got), number(want)) || number(got) === number(want)
  return celEquals(got, want)
}

const number = (value: CelValue) => value instanceof CelDouble ? value.value : value

function show(value: CelValue): string {
  return `${kindOf(value)} ${JSON.stringify(value, (_, inner: unknown) => typeof inner === 'bigint' ? String(inner) : inner)}`
}
