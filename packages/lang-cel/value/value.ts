import type { CelType } from '../check/cel-type.ts'

/** What a value is at run time; `type` and `map` include JSON objects. */
export type CelKind = 'null' | 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'timestamp' | 'duration' | 'list' | 'map' | 'type' | 'optional' | 'opaque'

/**
 * A value of CEL. JSON is one as it is: nothing is converted on the way in.
 *
 * | CEL | here |
 * | --- | --- |
 * | int | a whole JavaScript number, or a bigint where it is not exact |
 * | double | a number with a fraction, NaN or infinite as it is; a whole one in a {@link CelDouble} |
 * | uint, timestamp, duration, optional | {@link CelUint}, {@link CelTimestamp}, {@link CelDuration}, {@link CelOptional} |
 * | map | a plain object (keys are strings) or a {@link CelMap} |
 * | list, string, bytes, bool, null | array, string, Uint8Array, boolean, null |
 * | type | a {@link CelTypeValue} |
 * | a library's own type | an instance of {@link CelOpaque} |
 */
export type CelValue = null | boolean | number | bigint | string | Uint8Array | CelBoxed | readonly CelValue[] | { readonly [key: string]: CelValue }

/** Base of every value that is an object but no list and no JSON object: one `instanceof` tells them apart. */
export abstract class CelBoxed {
  abstract readonly kind: CelKind
}

/** An unsigned integer of 64 bits. */
export class CelUint extends CelBoxed {
  override readonly kind = 'uint'
  readonly value: bigint
  constructor(value: bigint) {
    super()
    this.value = value
  }
}

/** A double that is a whole number: JavaScript's 1 alone is the int. */
export class CelDouble extends CelBoxed {
  override readonly kind = 'double'
  readonly value: number
  constructor(value: number) {
    super()
    this.value = value
  }
}

/** A moment: whole seconds since 1970 and nanoseconds from there on (0 … 999,999,999). */
export class CelTimestamp extends CelBoxed {
  override readonly kind = 'timestamp'
  readonly seconds: number
  readonly nanos: number
  /** Seconds ahead of UTC that the moment was written with; matters only when it is written again. */
  readonly offset: number
  constructor(seconds: number, nanos: number, offset = 0) {
    super()
    this.seconds = seconds
    this.nanos = nanos
    this.offset = offset
  }
}

/** A span of time in nanoseconds, 64 bits. */
export class CelDuration extends CelBoxed {
  override readonly kind = 'duration'
  readonly nanos: bigint
  constructor(nanos: bigint) {
    super()
    this.nanos = nanos
  }
}

/** A value, or none. */
export class CelOptional extends CelBoxed {
  override readonly kind = 'optional'
  /** Undefined where there is none. */
  readonly value: CelValue | undefined
  constructor(value: CelValue | undefined) {
    super()
    this.value = value
  }
}

export const optionalNone: CelOptional = new CelOptional(undefined)

/** A type as a value: what `type(x)` gives. Equal by name. */
export class CelTypeValue extends CelBoxed {
  override readonly kind = 'type'
  readonly name: string
  constructor(name: string) {
    super()
    this.name = name
  }
}

/**
 * A value of a library's own type. Its methods are functions of the environment whose first parameter is `celType`; its fields, if any,
 * are answered by {@link CelOpaque.getField} (called once a selection: a lazy field may compute there).
 */
export abstract class CelOpaque extends CelBoxed {
  override readonly kind = 'opaque'
  abstract readonly celType: CelType
  /** Undefined when there is no such field. */
  getField(_name: string): CelValue | undefined {
    return undefined
  }
  equals(other: CelOpaque): boolean {
    return this === other
  }
}

const twoTo63 = 2 ** 63

export function kindOf(value: CelValue): CelKind {
  switch (typeof value) {
    case 'string': return 'string'
    case 'boolean': return 'bool'
    case 'number': return isInt(value) ? 'int' : 'double'
    case 'bigint': return 'int'
    default:
      if (value === null || value === undefined) return 'null'
      if (Array.isArray(value)) return 'list'
      if (value instanceof CelBoxed) return value.kind
      return value instanceof Uint8Array ? 'bytes' : 'map'
  }
}

/** Whether a JavaScript number stands for an int: a whole one in the range of 64 bits. */
export function isInt(value: number): boolean {
  return Number.isInteger(value) && value < twoTo63 && value >= -twoTo63
}

/** The CEL double of a number. */
export function makeDouble(value: number): number | CelDouble {
  return isInt(value) ? new CelDouble(value) : value
}
