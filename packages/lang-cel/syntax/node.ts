import type { CelType } from '../check/cel-type.ts'
import type { Overload } from '../environment.ts'
import type { CelValue } from '../value/value.ts'

interface Place {
  /** Offset in the text that errors point at. */
  readonly offset: number
  /** Set by the check; absent in an expression that was not checked. */
  type?: CelType
}

export interface ConstNode extends Place { readonly kind: 'const'; readonly value: CelValue; readonly literal: 'null' | 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes' }
export interface IdentNode extends Place { readonly kind: 'ident'; name: string; constant?: CelValue }
export interface SelectNode extends Place {
  readonly kind: 'select'
  readonly operand: CelNode
  readonly field: string
  /** `has(a.b)`. */
  readonly test: boolean
  /** `a.?b`. */
  readonly optional: boolean
  /** Set by the check where the whole chain is one name, e.g. `resource.name` declared with that name. */
  resolved?: IdentNode
}
export interface CallNode extends Place {
  readonly kind: 'call'
  /** Operators have cel-go's names: `_+_`, `!_`, `_[_]`, `_?_:_`, `@in`. */
  name: string
  target: CelNode | undefined
  readonly args: CelNode[]
  overloads?: readonly Overload[]
}
export interface ListNode extends Place { readonly kind: 'list'; readonly items: readonly { readonly value: CelNode; readonly optional: boolean }[] }
export interface MapNode extends Place { readonly kind: 'map'; readonly entries: readonly { readonly key: CelNode; readonly value: CelNode; readonly optional: boolean; readonly offset: number }[] }
export interface StructNode extends Place { readonly kind: 'struct'; name: string; readonly fields: readonly { readonly name: string; readonly value: CelNode; readonly optional: boolean; readonly offset: number }[] }

export type MacroName = 'all' | 'exists' | 'existsOne' | 'map' | 'filter' | 'transformList' | 'transformMap' | 'transformMapEntry' | 'sortBy'

/** A macro over a list or a map; the check and the compiler know each, so nothing is expanded into a general fold. */
export interface ComprehensionNode extends Place {
  readonly kind: 'comprehension'
  readonly macro: MacroName
  readonly range: CelNode
  /** Element of a list or key of a map; with two variables the index or the key. */
  readonly first: string
  /** With two variables: the element or the value. */
  readonly second: string | undefined
  readonly condition: CelNode | undefined
  readonly body: CelNode
}

/** `cel.bind(name, value, body)`; with `optional`, `optMap` and `optFlatMap` of an optional `value`. */
export interface BindNode extends Place {
  readonly kind: 'bind'
  readonly name: string
  readonly value: CelNode
  readonly body: CelNode
  readonly optional: 'map' | 'flatMap' | undefined
}

/** `cel.block([…], body)` of optimised expressions; its values are read as `@index0`, …; made by tools only. */
export interface BlockNode extends Place { readonly kind: 'block'; readonly values: readonly CelNode[]; readonly body: CelNode }

export type CelNode = ConstNode | IdentNode | SelectNode | CallNode | ListNode | MapNode | StructNode | ComprehensionNode | BindNode | BlockNode
