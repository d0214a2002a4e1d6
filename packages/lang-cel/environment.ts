import type { CelType } from './check/cel-type.ts'
import type { ParseOptions } from './syntax/parser.ts'
import type { CelValue } from './value/value.ts'

/** One signature of a function. */
export interface Overload {
  /** Called as `first.name(rest)`; else as `name(…)`. */
  readonly member: boolean
  readonly parameters: readonly CelType[]
  readonly result: CelType
  /** Gets one value for each parameter, of the declared kinds (elements of lists and maps are not checked). Throws CelFault. Absent: the function's `dispatch`. */
  readonly call?: (...args: CelValue[]) => CelValue
  /** The run-time cost of one call; 1 when absent. Declared with the arguments alone it is charged before the call. */
  readonly cost?: (args: readonly CelValue[], result: CelValue) => number
}

export interface CelFunction {
  /** With dots when it has a namespace: `math.greatest`. */
  readonly name: string
  readonly overloads: readonly Overload[]
  /** Decides at run time instead of the overloads, which then serve the check only (an overload with a `call` of its own still goes first). */
  readonly dispatch?: (...args: CelValue[]) => CelValue
  /** Run-time cost where `dispatch` is used. */
  readonly cost?: (args: readonly CelValue[], result: CelValue) => number
  /** A check of the literal arguments at compile time; the text is the error. */
  readonly validate?: (literals: readonly (CelValue | undefined)[]) => { readonly message: string; readonly argument: number } | undefined
}

/** A named set of functions, constants and types that an environment may have. */
export interface CelLibrary {
  readonly name: string
  readonly functions?: readonly CelFunction[]
  readonly variables?: Readonly<Record<string, CelType>>
  readonly constants?: Readonly<Record<string, { readonly type: CelType; readonly value: CelValue }>>
  /** Types by the name that expressions use, both as values and to make objects. */
  readonly types?: readonly CelType[]
}

export interface CelEnvironmentOptions {
  readonly variables?: Readonly<Record<string, CelType>>
  readonly libraries?: readonly CelLibrary[]
  /** Namespace that names are looked up in first: `a.b` finds `a.b.x`, `a.x`, `x`. */
  readonly container?: string
  /** Lists and maps with elements of different types are refused. */
  readonly homogeneousLiterals?: boolean
  /** Finds object types that no library lists, e.g. those of a schema. */
  readonly findType?: (name: string) => CelType | undefined
  /** What the parser reads: macros, limits. */
  readonly macros?: ParseOptions
  /** What `has()` costs; 1 in the language, 0 in Kubernetes. */
  readonly presenceTestCost?: number
  /** Whether an expression is type-checked; true unless false. Without, every name is resolved when it runs. */
  readonly check?: boolean
}

export interface CelConstant { readonly type: CelType; readonly value: CelValue }

/** What an expression may refer to. Made once, used for any number of expressions. */
export interface CelEnvironment {
  readonly options: CelEnvironmentOptions
  readonly functions: ReadonlyMap<string, CelFunction>
  readonly variables: ReadonlyMap<string, CelType>
  readonly constants: ReadonlyMap<string, CelConstant>
  readonly types: ReadonlyMap<string, CelType>
  /** This environment and more: cheap, functions are shared. */
  extend(more: CelEnvironmentOptions): CelEnvironment
}

interface Tables {
  functions: Map<string, CelFunction>
  variables: Map<string, CelType>
  constants: Map<string, CelConstant>
  types: Map<string, CelType>
}

/** An environment with exactly what the options list; `standardLibrary` is a library like any other. */
export function celEnvironment(options: CelEnvironmentOptions): CelEnvironment {
  return build({ functions: new Map(), variables: new Map(), constants: new Map(), types: new Map() }, options, options)
}

function build(base: Tables, options: CelEnvironmentOptions, added: CelEnvironmentOptions): CelEnvironment {
  const libraries = added.libraries ?? []
  const own = libraries.length > 0
  const tables: Tables = {
    functions: own ? new Map(base.functions) : base.functions, variables: new Map(base.variables),
    constants: own ? new Map(base.constants) : base.constants, types: own ? new Map(base.types) : base.types,
  }
  for (const library of libraries) {
    for (const one of library.functions ?? []) addFunction(tables.functions, one)
    for (const name in library.variables) tables.variables.set(name, library.variables[name] as CelType)
    for (const name in library.constants) tables.constants.set(name, library.constants[name] as CelConstant)
    for (const type of library.types ?? []) tables.types.set(type.name, type)
  }
  for (const name in added.variables) tables.variables.set(name, added.variables[name] as CelType)
  return {
    options, ...tables,
    extend(more) {
      const libraryList = [...options.libraries ?? [], ...more.libraries ?? []]
      return build(tables, { ...options, ...more, libraries: libraryList, macros: { ...options.macros, ...more.macros } }, more)
    },
  }
}

/** Two libraries may add to one function. What a dispatcher does not know it leaves to the signatures of the others. */
function addFunction(functions: Map<string, CelFunction>, added: CelFunction): void {
  const known = functions.get(added.name)
  functions.set(added.name, known && known !== added ? { ...known, ...added, overloads: [...known.overloads, ...added.overloads] } : added)
}

/** `first.name(rest)`: the first parameter is the receiver. */
export function member(parameters: readonly CelType[], result: CelType, call: NonNullable<Overload['call']>, cost?: Overload['cost']): Overload {
  return { member: true, parameters, result, call, ...cost && { cost } }
}

/** `name(…)`. */
export function global(parameters: readonly CelType[], result: CelType, call: NonNullable<Overload['call']>, cost?: Overload['cost']): Overload {
  return { member: false, parameters, result, call, ...cost && { cost } }
}

/** A signature for the check of a function that has a dispatcher. */
export function signature(parameters: readonly CelType[], result: CelType, style: 'global' | 'member' = 'global'): Overload {
  return { member: style === 'member', parameters, result }
}
