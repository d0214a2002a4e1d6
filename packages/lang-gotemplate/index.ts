export { builtins } from './builtins.ts'
export { formatFloat } from './float-text.ts'
export { formatDuration, sprintf, sprintV } from './format.ts'
export type { Frame } from './frame.ts'
export { ExecError, GoError, LimitError, messageOfFault, ParseError } from './go-error.ts'
export { bytesOf, compareStrings, sortedKeys, stringOf } from './go-string.ts'
export { quoteGo, unquoteGo } from './quote.ts'
export { readsNothing, type Reads, type ReadsOf } from './reads.ts'
export type { Limits, MissingKey } from './run.ts'
export { Run } from './run.ts'
export { asLimit, executeTemplate, parseTemplates, Template, TemplateSet, type ExecuteOptions, type FunctionTable } from './template-set.ts'
export {
  content, deepEqual, emptySlice, fn, goType, int64, isFunction, isMap, isNilSlice, isTrue, kindOf, namedMap, Num, reading, setKey, strings, Struct, typedMap, typedSlice, typeOf,
  type GoFunction, type GoMap, type GoSlice, type ParamType, type StructShape,
} from './value.ts'
export { fromJson, mapOf, toJson } from './json.ts'
export { sprigFunctions, type SprigOptions } from './sprig/table.ts'
export { compareVersions, readVersion, semverCompare, versionText, type Version } from './sprig/semver.ts'
