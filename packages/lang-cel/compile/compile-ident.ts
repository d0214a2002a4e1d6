import { candidates } from '../check/checker.ts'
import type { CelEnvironment } from '../environment.ts'
import type { IdentNode } from '../syntax/node.ts'
import { CelFault } from '../value/fault.ts'
import { CelTypeValue, type CelValue } from '../value/value.ts'
import { type Compiler, findLocal, type Locals } from './compiler.ts'
import type { Eval } from './frame.ts'

/** Compiles a name: a variable of a macro, a constant, or a variable. */
export function compileIdent(node: IdentNode, locals: Locals | undefined, compiler: Compiler): Eval {
  const local = findLocal(node.name, locals)
  if (local) {
    const { slot } = local
    return (frame) => {
      frame.cost++
      return frame.locals[slot] as CelValue // set before the body runs
    }
  }
  const constant = node.constant ?? (compiler.checked ? undefined : findConstant(node.name, compiler.environment))
  if (constant !== undefined) return () => constant
  return readVariable(compiler.checked ? [node.name] : candidates(node.name, compiler.environment.options.container ?? ''))
}

function readVariable(names: readonly string[]): Eval {
  const [name = ''] = names
  if (names.length === 1) {
    return (frame) => {
      frame.cost++
      const value = frame.variables[name]
      if (value === undefined) throw new CelFault(`no such attribute(s): ${name}`)
      return value
    }
  }
  return (frame) => {
    frame.cost++
    for (const one of names) {
      const value = frame.variables[one]
      if (value !== undefined) return value
    }
    throw new CelFault(`no such attribute(s): ${names.join(', ')}`)
  }
}

export function findConstant(name: string, environment: CelEnvironment): CelValue | undefined {
  for (const candidate of candidates(name, environment.options.container ?? '')) {
    if (environment.variables.has(candidate)) return undefined
    const constant = environment.constants.get(candidate)
    if (constant) return constant.value
    const type = environment.types.get(candidate)
    if (type) return new CelTypeValue(type.name)
  }
  return undefined
}
