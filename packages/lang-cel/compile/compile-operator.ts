import type { CallNode, CelNode } from '../syntax/node.ts'
import { celEquals } from '../value/equal.ts'
import { type CelFault, noSuchOverload } from '../value/fault.ts'
import { CelOptional, type CelValue, optionalNone } from '../value/value.ts'
import { index, indexOptional } from './access.ts'
import { compileCall } from './call.ts'
import type { Compiler, Locals } from './compiler.ts'
import { addCost, compareCost, equalsCost, inCost } from './cost.ts'
import { charge, type Eval, recoverable } from './frame.ts'
import { isConstant } from './is-constant.ts'
import { add, divide, greater, greaterOrEqual, isIn, less, lessOrEqual, multiply, negate, not, remainder, subtract } from './operators.ts'

const binary: Readonly<Record<string, { run: (a: CelValue, b: CelValue) => CelValue; cost?: (a: CelValue, b: CelValue) => number }>> = {
  '_+_': { run: add, cost: addCost }, '_-_': { run: subtract }, '_*_': { run: multiply }, '_/_': { run: divide }, '_%_': { run: remainder },
  '_==_': { run: celEquals, cost: equalsCost }, '_!=_': { run: (a, b) => !celEquals(a, b), cost: equalsCost },
  '_<_': { run: less, cost: compareCost }, '_<=_': { run: lessOrEqual, cost: compareCost }, '_>_': { run: greater, cost: compareCost }, '_>=_': { run: greaterOrEqual, cost: compareCost },
  '@in': { run: isIn, cost: inCost },
}

/** Compiles a call that is an operator; every other one is left to `compileCall`. */
export function compileOperator(node: CallNode, locals: Locals | undefined, compiler: Compiler): Eval {
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
    case '_?_:_': return third ? compileConditional(a(), asBranch(second, b()), asBranch(third, compiler.compile(third, locals))) : compileCall(node, locals, compiler)
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

/** A branch that only reads a variable or a field of one is part of the conditional for the reference implementation: the variable costs nothing. */
function asBranch(node: CelNode, evaluate: Eval): Eval {
  let root = node
  while (root.kind === 'select' && !root.test && !root.optional && !root.resolved) root = root.operand
  if (root.kind !== 'ident' || root.constant !== undefined) return evaluate
  return (frame) => {
    frame.cost--
    return evaluate(frame)
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
