import type { CelType } from '../check/cel-type.ts'
import { candidates, dottedName } from '../check/checker.ts'
import type { SelectNode } from '../syntax/node.ts'
import { noSuchKey } from '../value/fault.ts'
import { CelBoxed, CelOptional, type CelValue } from '../value/value.ts'
import { hasField, isInherited, select, selectOptional } from './access.ts'
import { compileIdent, findConstant } from './compile-ident.ts'
import { type Compiler, findLocal, type Locals } from './compiler.ts'
import type { Eval } from './frame.ts'

/** Compiles `a.b`, `a.?b` and `has(a.b)`. */
export function compileSelect(node: SelectNode, locals: Locals | undefined, compiler: Compiler): Eval {
  if (node.resolved) return compileIdent(node.resolved, undefined, compiler)
  const declared = compiler.checked && declaredField(compiler.checked.typeOf(node.operand), node.field)
  const name = declared?.property ?? node.field
  const convert = declared?.convert
  const compiledOperand = compiler.compile(node.operand, locals)
  const operand: Eval = declared && (declared.nullIsAbsent || node.test) ? withoutNull(compiledOperand, name) : compiledOperand
  if (node.test) {
    const cost = compiler.environment.options.presenceTestCost ?? 1
    return (frame) => {
      frame.cost += cost
      return hasField(operand(frame), name)
    }
  }
  if (node.optional) {
    return (frame) => {
      const found = selectOptional(operand(frame), name)
      if (found.value !== undefined) frame.cost++
      return convert && found.value !== undefined ? new CelOptional(convert(found.value)) : found
    }
  }
  if (convert) {
    return (frame) => {
      const found = select(operand(frame), name)
      frame.cost++
      return found instanceof CelOptional ? found.value === undefined ? found : new CelOptional(convert(found.value)) : convert(found)
    }
  }
  const plain = compilePlainSelect(operand, name)
  if (compiler.checked) return plain
  return unlessVariable(node, locals, compiler, plain)
}

/** The object as it is, or without one field when that is null. */
function withoutNull(operand: Eval, name: string): Eval {
  return (frame) => {
    const value = operand(frame)
    if (typeof value !== 'object' || value === null || value instanceof CelBoxed || (value as Record<string, CelValue>)[name] !== null) return value
    const { [name]: _, ...rest } = value as Record<string, CelValue>
    return rest
  }
}

/** Selection from a JSON object, the common case, without a detour. */
function compilePlainSelect(operand: Eval, name: string): Eval {
  if (isInherited(name)) {
    return (frame) => {
      frame.cost++
      return select(operand(frame), name)
    }
  }
  return (frame) => {
    const value = operand(frame)
    frame.cost++
    if (typeof value === 'object' && value !== null && !(value instanceof CelBoxed) && !Array.isArray(value) && !(value instanceof Uint8Array)) {
      const found = (value as Record<string, CelValue>)[name]
      if (found === undefined) throw noSuchKey(name)
      return found
    }
    return select(value, name)
  }
}

/** Without a check, `a.b` may be one variable with a dot in its name. */
function unlessVariable(node: SelectNode, locals: Locals | undefined, { environment }: Compiler, plain: Eval): Eval {
  const dotted = dottedName(node)
  if (dotted === undefined || findLocal(dotted.split('.', 1)[0] ?? '', locals)) return plain
  const names = candidates(dotted, environment.options.container ?? '')
  return (frame) => {
    for (const one of names) {
      const value = frame.variables[one]
      if (value !== undefined) return value
    }
    const constant = findConstant(dotted, environment)
    return constant ?? plain(frame)
  }
}

function declaredField(type: CelType, name: string) {
  const target = type.kind === 'optional' ? type.params[0] : type
  return target?.field?.(name)
}
