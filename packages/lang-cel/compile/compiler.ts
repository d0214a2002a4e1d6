import type { Checked } from '../check/checker.ts'
import type { CelEnvironment } from '../environment.ts'
import type { CelNode } from '../syntax/node.ts'
import type { Eval } from './frame.ts'

/** What a name stands for while compiling: the slot of a macro's variable. */
export interface Locals { readonly name: string; readonly slot: number; readonly parent: Locals | undefined }

export interface Compiler {
  readonly environment: CelEnvironment
  /** Undefined when the expression was not checked. */
  readonly checked: Checked | undefined
  /** How many slots there are. */
  slots: number
  compile(node: CelNode, locals: Locals | undefined): Eval
}

export function findLocal(name: string, locals: Locals | undefined): Locals | undefined {
  let at = locals
  while (at && at.name !== name) at = at.parent
  return at
}
