import { candidates, type Checked, dottedName } from '../check/checker.ts'
import type { CelType } from '../check/cel-type.ts'
import type { CelEnvironment } from '../environment.ts'
import type { BindNode, CallNode, CelNode, IdentNode, ListNode, MapNode, SelectNode, StructNode } from '../syntax/node.ts'
import { CelFault, noSuchKey, noSuchOverload } from '../value/fault.ts'
import { showValue } from '../value/show.ts'
import { CelMap } from '../value/map.ts'
import { CelBoxed, CelOptional, CelTypeValue, type CelValue, optionalNone } from '../value/value.ts'
import { hasField, index, indexOptional, isInherited, select, selectOptional } from './access.ts'
import { compileCall } from './call.ts'
import { compileComprehension } from './comprehension.ts'
import { charge, type Eval, recoverable } from './frame.ts'
import { celEquals } from '../value/equal.ts'
import { add, divide, greater, greaterOrEqual, isIn, less, lessOrEqual, multiply, negate, not, remainder, subtract } from './operators.ts'
import { addCost, compareCost, equalsCost, inCost } from './cost.ts'

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

/** Compiles a tree into closures. */
export function compileNode(root: CelNode, environment: CelEnvironment, checked: Checked | undefined): { evaluate: Eval; slots: number } {
  const compiler: Compiler = {
    environment, checked, slots: 0,
    compile(node, locals) {
      switch (node.kind) {
        case 'const': {
          const { value } = node
          return () => value
        }
        case 'ident': return compileIdent(node, locals, compiler)
        case 'select': return compileSelect(node, locals, compiler)
        case 'call': return compileOperator(node, locals, compiler)
        case 'list': return compileList(node, locals, compiler)
        case 'map': return compileMap(node, locals, compiler)
        case 'struct': return compileStruct(node, locals, compiler)
        case 'comprehension': return compileComprehension(node, locals, compiler)
        case 'bind': return compileBind(node, locals, compiler)
        case 'block': {
          let inner = locals
          const values = node.values.map((value, i) => {
            const evaluate = compiler.compile(value, inner)
            inner = { name: `@index${i}`, slot: compiler.slots++, parent: inner }
            return { evaluate, slot: inner.slot }
          })
          const body = compiler.compile(node.body, inner)
          return (frame) => {
            for (const { evaluate, slot } of values) frame.locals[slot] = evaluate(frame)
            return body(frame)
          }
        }
      }
    },
  }
  const evaluate = compiler.compile(root, undefined)
  return { evaluate, slots: compiler.slots }
}

export function findLocal(name: string, locals: Locals | undefined): Locals | undefined {
  let at = locals
  while (at && at.name !== name) at = at.parent
  return at
}

function compileIdent(node: IdentNode, locals: Locals | undefined, compiler: Compiler): Eval {
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

function findConstant(name: string, environment: CelEnvironment): CelValue | undefined {
  for (const candidate of candidates(name, environment.options.container ?? '')) {
    if (environment.variables.has(candidate)) return undefined
    const constant = environment.constants.get(candidate)
    if (constant) return constant.value
    const type = environment.types.get(candidate)
    if (type) return new CelTypeValue(type.name)
  }
  return undefined
}

function compileSelect(node: SelectNode, locals: Locals | undefined, compiler: Compiler): Eval {
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

const binary: Readonly<Record<string, { run: (a: CelValue, b: CelValue) => CelValue; cost?: (a: CelValue, b: CelValue) => number }>> = {
  '_+_': { run: add, cost: addCost }, '_-_': { run: subtract }, '_*_': { run: multiply }, '_/_': { run: divide }, '_%_': { run: remainder },
  '_==_': { run: celEquals, cost: equalsCost }, '_!=_': { run: (a, b) => !celEquals(a, b), cost: equalsCost },
  '_<_': { run: less, cost: compareCost }, '_<=_': { run: lessOrEqual, cost: compareCost }, '_>_': { run: greater, cost: compareCost }, '_>=_': { run: greaterOrEqual, cost: compareCost },
  '@in': { run: isIn, cost: inCost },
}

function compileOperator(node: CallNode, locals: Locals | undefined, compiler: Compiler): Eval {
  const [first, second, third] = node.args
  if (node.target && first && !second && (node.name === 'or' || node.name === 'orValue')) return compileOr(node, compiler.compile(node.target, locals), compiler.compile(first, locals), compileCall(node, locals, compiler))
  if (node.target || !first) return compileCall(node, locals, compiler)
  const { name } = node
  const a = () => compiler.compile(first, locals)
  if (!second) {
    if (name !== '!_' && name !== '-_') return compileCall(node, locals, compiler)
    const operand = a()
    const run = name === '!_' ? not : negate
    return (frame) => {
      const value = run(operand(frame))
      frame.cost++
      return value
    }
  }
  const b = () => compiler.compile(second, locals)
  switch (name) {
    case '_&&_': return compileLogical(a(), b(), false)
    case '_||_': return compileLogical(a(), b(), true)
    case '_?_:_': return third ? compileConditional(a(), b(), compiler.compile(third, locals)) : compileCall(node, locals, compiler)
    case '_[_]': case '_[?_]': return compileIndex(a(), b(), name === '_[_]' ? index : indexOptional, second.kind === 'ident' ? 0 : 1)
  }
  const operator = binary[name]
  if (!operator) return compileCall(node, locals, compiler)
  const overload = node.overloads?.find((one) => one.call)
  const { run, cost = undefined } = name === '@in' && second.kind === 'list' && isConstant(second) ? { run: isIn, cost: noCost } : overload ? { run: overload.call as (a: CelValue, b: CelValue) => CelValue, cost: undefined } : operator
  return compileBinary(a(), b(), run, cost)
}

/** `optional.or(other)` and `orValue(other)` look at the other one only when they must. */
function compileOr({ name }: CallNode, target: Eval, other: Eval, general: Eval): Eval {
  return (frame) => {
    const before = frame.cost
    const held = target(frame)
    if (held instanceof CelOptional) return held.value === undefined ? other(frame) : name === 'or' ? held : held.value
    frame.cost = before
    return general(frame)
  }
}

const noCost = () => 0

function compileBinary(left: Eval, right: Eval, run: (a: CelValue, b: CelValue) => CelValue, cost: ((a: CelValue, b: CelValue) => number) | undefined): Eval {
  if (!cost) {
    return (frame) => {
      const value = run(left(frame), right(frame))
      frame.cost++
      return value
    }
  }
  return (frame) => {
    const a = left(frame)
    const b = right(frame)
    charge(frame, cost(a, b))
    return run(a, b)
  }
}

/** A variable as the key is part of the access for the reference implementation, and costs nothing of its own. */
function compileIndex(operand: Eval, key: Eval, run: (value: CelValue, key: CelValue) => CelValue, cost: number): Eval {
  return (frame) => {
    const value = operand(frame)
    const at = key(frame)
    const found = run(value, at)
    if (found !== optionalNone) frame.cost += cost
    return found
  }
}

/** `&&` and `||`: either side alone may decide, even when the other one fails. `decisive` is the value that decides. */
function compileLogical(left: Eval, right: Eval, decisive: boolean): Eval {
  return (frame) => {
    let fault: CelFault | undefined
    try {
      const value = left(frame)
      if (value === decisive) return decisive
      if (typeof value !== 'boolean') fault = noSuchOverload()
    } catch (thrown) {
      fault = recoverable(thrown)
    }
    if (!fault) {
      const value = right(frame)
      if (typeof value !== 'boolean') throw noSuchOverload()
      return value
    }
    try {
      if (right(frame) === decisive) return decisive
    } catch (thrown) {
      recoverable(thrown)
    }
    throw fault
  }
}

function compileConditional(condition: Eval, yes: Eval, no: Eval): Eval {
  return (frame) => {
    const value = condition(frame)
    if (value === true) return yes(frame)
    if (value === false) return no(frame)
    throw noSuchOverload()
  }
}

const conversions = new Set(['bool', 'bytes', 'double', 'duration', 'dyn', 'int', 'string', 'timestamp', 'type', 'uint'])

/** Whether the reference implementation computes a node once, when it compiles: then it costs nothing. */
export function isConstant(node: CelNode): boolean {
  switch (node.kind) {
    case 'const': return true
    case 'list': return node.items.every(({ value, optional }) => !optional && isConstant(value))
    case 'map': return node.entries.every(({ key, value, optional }) => !optional && isConstant(key) && isConstant(value))
    case 'call': return !node.target && conversions.has(node.name) && node.args.length === 1 && node.args.every(isConstant)
    default: return false
  }
}

function unwrapOptional(value: CelValue): CelValue | undefined {
  if (!(value instanceof CelOptional)) throw new CelFault('no such overload')
  return value.value
}

function compileList(node: ListNode, locals: Locals | undefined, compiler: Compiler): Eval {
  const constant = node.items.every(({ value, optional }) => !optional && isConstant(value))
  const items = node.items.map(({ value, optional }) => ({ evaluate: compiler.compile(value, locals), optional }))
  return (frame) => {
    const list: CelValue[] = []
    for (const { evaluate, optional } of items) {
      const value = optional ? unwrapOptional(evaluate(frame)) : evaluate(frame)
      if (value !== undefined) list.push(value)
    }
    if (!constant) charge(frame, 10)
    return list
  }
}

function compileMap(node: MapNode, locals: Locals | undefined, compiler: Compiler): Eval {
  const constant = node.entries.every(({ key, value, optional }) => !optional && isConstant(key) && isConstant(value))
  const entries = node.entries.map(({ key, value, optional }) => ({ key: compiler.compile(key, locals), value: compiler.compile(value, locals), optional }))
  return (frame) => {
    const map = new CelMap()
    for (const { key, value, optional } of entries) {
      const at = key(frame)
      const item = optional ? unwrapOptional(value(frame)) : value(frame)
      if (item === undefined) continue
      if (map.get(at) !== undefined) throw new CelFault(`Failed with repeated key: ${showValue(at)}`)
      map.set(at, item)
    }
    if (!constant) charge(frame, 30)
    return map
  }
}

function compileStruct(node: StructNode, locals: Locals | undefined, compiler: Compiler): Eval {
  const type = compiler.checked?.typeOf(node)
  if (!type) {
    return () => {
      throw new CelFault(`unknown type: ${node.name}`)
    }
  }
  const fields = node.fields.map(({ name, value, optional }) => ({ name: type.field?.(name)?.property ?? name, evaluate: compiler.compile(value, locals), optional }))
  return (frame) => {
    const object: Record<string, CelValue> = {}
    for (const { name, evaluate, optional } of fields) {
      const value = optional ? unwrapOptional(evaluate(frame)) : evaluate(frame)
      if (value !== undefined) Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true })
    }
    charge(frame, 40)
    return object
  }
}

function compileBind(node: BindNode, locals: Locals | undefined, compiler: Compiler): Eval {
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
