import { candidates, dottedName } from '../check/checker.ts'
import type { CelType } from '../check/cel-type.ts'
import type { CelFunction, Overload } from '../environment.ts'
import type { CallNode } from '../syntax/node.ts'
import { CelFault, noSuchOverload } from '../value/fault.ts'
import { CelOpaque, type CelValue, kindOf } from '../value/value.ts'
import { findLocal, type Compiler, type Locals } from './compiler.ts'
import { isConstant } from './is-constant.ts'
import { charge, type Eval } from './frame.ts'

type Run = (...args: CelValue[]) => CelValue
type Cost = (args: readonly CelValue[], result: CelValue) => number

/** Compiles the call of a function that is no operator. */
export function compileCall(node: CallNode, locals: Locals | undefined, compiler: Compiler): Eval {
  const { environment, checked } = compiler
  let { target } = node
  let found: CelFunction | undefined
  if (target) {
    const prefix = checked ? undefined : dottedName(target)
    if (prefix !== undefined && !findLocal(prefix.split('.', 1)[0] ?? '', locals)) found = findFunction(`${prefix}.${node.name}`, compiler)
    if (found) target = undefined
    found ??= environment.functions.get(node.name)
  } else found = findFunction(node.name, compiler)
  const args = (target ? [target, ...node.args] : node.args).map((arg) => compiler.compile(arg, locals))
  if (!found) {
    const { name } = node
    return () => {
      throw new CelFault(`unbound function: ${name}`)
    }
  }
  const asMember = target !== undefined
  const overloads = node.overloads ?? found.overloads.filter((one) => one.member === asMember && one.parameters.length === args.length)
  const proven = node.overloads?.length === 1 && (asMember && target ? [target, ...node.args] : node.args).every((arg, i) => {
    const want = node.overloads?.[0]?.parameters[i]
    const type = checked?.typeOf(arg)
    return want !== undefined && type !== undefined && type.kind !== 'dyn' && (want.kind === 'dyn' || want.kind === 'param' || (want.kind === type.kind && want.name === type.name))
  })
  const { run, cost } = chooseRun(found, overloads, proven)
  return invoke(args, run, isConstant(node) ? () => 0 : cost)
}

function findFunction(name: string, { environment }: Compiler): CelFunction | undefined {
  for (const candidate of candidates(name, environment.options.container ?? '')) {
    const found = environment.functions.get(candidate)
    if (found) return found
  }
  return undefined
}

/** What runs: one signature as it is, or the first whose parameters fit the values, or the function's dispatcher. */
function chooseRun(found: CelFunction, overloads: readonly Overload[], proven: boolean): { run: Run; cost: Cost | undefined } {
  const { dispatch } = found
  const [only] = overloads
  if (proven && only?.call) return { run: only.call, cost: only.cost }
  if (proven && dispatch) return { run: dispatch, cost: only?.cost ?? found.cost }
  const guarded = overloads.filter((one) => one.call).map((one) => ({ ...one, fits: guard(one.parameters) }))
  if (guarded.length === 0 && dispatch) return { run: dispatch, cost: found.cost }
  const choose = (args: readonly CelValue[]) => guarded.find(({ fits }) => fits(args))
  return {
    run: (...args) => {
      const call = choose(args)?.call ?? dispatch
      if (!call) throw noSuchOverload()
      return call(...args)
    },
    cost: guarded.some(({ cost }) => cost) || found.cost ? costOf(guarded.flatMap((one) => one.cost ?? []).concat(found.cost ?? []), (args, result) => (choose(args)?.cost ?? found.cost)?.(args, result) ?? 1) : undefined,
  }
}

/** A cost that looks at the result when any of those it stands for does. */
function costOf(parts: readonly Cost[], cost: Cost): Cost {
  return parts.some(({ length }) => length > 1) ? cost : (args) => cost(args, null)
}

function guard(parameters: readonly CelType[]): (args: readonly CelValue[]) => boolean {
  return (args) => args.length === parameters.length && parameters.every((type, i) => isOfType(args[i] ?? null, type))
}

/** Whether a value is of a parameter's type, lists and maps without a look inside. */
export function isOfType(value: CelValue, type: CelType): boolean {
  switch (type.kind) {
    case 'dyn': case 'param': case 'any': return true
    case 'opaque': return value instanceof CelOpaque && value.celType.name === type.name
    case 'object': return kindOf(value) === 'map'
    default: return kindOf(value) === type.kind
  }
}

function invoke(args: readonly Eval[], run: Run, cost: Cost | undefined): Eval {
  const [first, second, third] = args
  if (cost && cost.length < 2) {
    // What the arguments alone decide is charged first, so that a call that nobody can afford does not run.
    return (frame) => {
      const values = args.map((arg) => arg(frame))
      charge(frame, cost(values, null))
      return run(...values)
    }
  }
  if (cost) {
    return (frame) => {
      const values = args.map((arg) => arg(frame))
      const result = run(...values)
      charge(frame, cost(values, result))
      return result
    }
  }
  if (!first) {
    return (frame) => {
      frame.cost++
      return run()
    }
  }
  if (!second) {
    return (frame) => {
      frame.cost++
      return run(first(frame))
    }
  }
  if (!third) {
    return (frame) => {
      frame.cost++
      return run(first(frame), second(frame))
    }
  }
  return (frame) => {
    frame.cost++
    return run(...args.map((arg) => arg(frame)))
  }
}
