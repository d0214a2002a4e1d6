export { CelCompileError, compileCel, type CelOutcome, type CelProgram, type EvaluateOptions } from './compile-cel.ts'
export { celEnvironment, global, member, signature, type CelEnvironment, type CelEnvironmentOptions, type CelFunction, type CelLibrary, type Overload } from './environment.ts'
export {
  anyType, boolType, bytesType, doubleType, durationType, dynType, intType, listType, mapType, nullType, objectType, opaqueType, optionalType, paramType, sameType, stringType, timestampType, typeType,
  uintType, type CelField, type CelType, type CelTypeKind,
} from './check/cel-type.ts'
export {
  CelBoxed, CelDouble, CelDuration, CelOpaque, CelOptional, CelTimestamp, CelTypeValue, CelUint, kindOf, makeDouble, optionalNone, type CelKind, type CelValue,
} from './value/value.ts'
export { CelMap, isMap, mapEntries, mapGet, mapKeys, mapSize } from './value/map.ts'
export { CelFault } from './value/fault.ts'
export { celEquals } from './value/equal.ts'
export { celToJson, jsonToCel } from './value/json.ts'
export { formatDuration, formatTimestamp, parseDuration, parseTimestamp } from './value/time.ts'
export { optionalLibrary } from './library/optionals.ts'
export { standardLibrary } from './library/standard.ts'
export { encodersLibrary } from './library/encoders.ts'
export { mathLibrary } from './library/math.ts'
export { setsLibrary } from './library/sets.ts'
export { stringsLibrary } from './library/strings.ts'
