import type { BindNode } from '../syntax/node.ts'
import { noSuchOverload } from '../value/fault.ts'
import { CelOptional } from '../value/value.ts'
import { unwrapOptional } from './compile-literal.ts'
import type { Compiler, Locals } from './compiler.ts'
import type { Eval } from './frame.ts'

/** Compiles `cel.bind`, `optMap` and `optFlatMap`. */
export function compileBind(node: BindNode, locals: Locals | undefined, compiler: Compiler): Eval {
  const value = compiler.compile(node.value, locals)
  const slot = compiler.slots++
  const body = compiler.compile(node.body, { name: node.name, slot, parent: locals })
  const { optional } = node
  if (!optional) {
    return (frame) => {
      frame.locals[slot] = value(frame)
      return body(frame)
    }
  }
  return (frame) => {
    // Costs what the ternary costs that the macro stands for: the optional is read twice when it has a value.
    const before = frame.cost
    const held = value(frame)
    const inner = unwrapOptional(held)
    if (inner === undefined) {
      frame.cost += 2
      return held
    }
    frame.cost += frame.cost - before + (optional === 'map' ? 3 : 2)
    frame.locals[slot] = inner
    const result = body(frame)
    if (optional === 'map') return new CelOptional(result)
    if (!(result instanceof CelOptional)) throw noSuchOverload()
    return result
  }
}
