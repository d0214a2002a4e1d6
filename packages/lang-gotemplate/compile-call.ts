import { andFunction, Element, orFunction } from './builtin-logic.ts'
import { compileChain, compileField, compileFunction, compileVariable, idealConstant, withoutFinal, type CommandEval, type Compiler } from './compile-command.ts'
import { missingArg, type Eval } from './eval.ts'
import { fail, type Frame } from './frame.ts'
import { GoError, LimitError } from './go-error.ts'
import { nodeText, type Node, type Operand } from './node.ts'
import { assign, canBeNil } from './param.ts'
import { noteCall, noteTruth } from './reads.ts'
import { goType, isMap, isTrue, NamedMap, type GoFunction, type GoMap, type ParamType } from './value.ts'

/** A call with its arguments checked and converted as Go does it. `node` is what errors of the function point to. */
export function buildCall(target: GoFunction, name: string, node: Node, args: readonly Operand[], compiler: Compiler): CommandEval {
  if (target === andFunction || target === orFunction) return buildShortCircuit(target === orFunction, name, args, compiler)
  const { params, variadic } = target
  const fixed = variadic ? params.length - 1 : params.length
  const typeAt = (i: number): ParamType => (i < fixed ? params[i] : params.at(-1)) ?? 'interface {}'
  const arity = (count: number, given: number): string => variadic
    ? count < fixed ? `wrong number of args for ${name}: want at least ${fixed} got ${given}` : ''
    : count !== fixed ? `wrong number of args for ${name}: want ${fixed} got ${count}` : ''
  const withoutFinalProblem = arity(args.length, args.length)
  const withFinalProblem = arity(args.length + 1, args.length)
  const evals = args.map((arg, i) => {
    const value = compileArg(arg, typeAt(i), compiler)
    if (target.marksNamed === true && i === args.length - 1) return named(arg, value)
    return target.marksElements === true && i > 0 && isElement(arg, compiler) ? marked(value) : value
  })
  const finalType = variadic && args.length < fixed ? typeAt(args.length) : params.at(-1) ?? 'interface {}'
  const invoke = invoker(target)
  return (dot, frame, final) => {
    const piped = final !== missingArg
    const problem = piped ? withFinalProblem : withoutFinalProblem
    if (problem !== '') fail(frame, problem)
    const argv: unknown[] = []
    for (const arg of evals) argv.push(arg(dot, frame))
    if (piped) argv.push(assign(frame, final, finalType))
    if (frame.run.reads !== undefined) noteCall(frame.run.reads, target, argv)
    try {
      return invoke(frame, argv)
    } catch (error) {
      frame.node = node
      return rethrow(frame, name, error, args[0])
    }
  }
}

function isElement(arg: Operand, { scope }: Compiler): boolean {
  if (arg.type === 'dot') return scope.dotIsElement
  return arg.type === 'field' || (arg.type === 'variable' && (arg.path.length > 1 || scope.elementSlots.has(arg.slot)))
}

function marked(value: Eval): Eval {
  return (dot, frame) => (value(dot, frame) === undefined ? undefined : new Element())
}

/** `.Values`, or all that a chart's template is given. */
function named(arg: Operand, value: Eval): Eval {
  const isValues = (arg.type === 'field' || arg.type === 'variable') && arg.path.at(-1) === 'Values'
  if (!isValues && arg.type !== 'dot' && !(arg.type === 'variable' && arg.path.length === 1)) return value
  return (dot, frame) => {
    const found = value(dot, frame)
    const type = isMap(found) ? found[goType] : undefined
    return type === undefined || type.startsWith('map[') || !(isValues || Object.hasOwn(found as GoMap, 'Capabilities')) ? found : new NamedMap(type)
  }
}

function invoker(target: GoFunction): (frame: Frame, argv: unknown[]) => unknown {
  const call = target.call as (...args: unknown[]) => unknown
  if (target.needsRun) return (frame, argv) => call(frame, ...argv)
  return (_frame, argv) => {
    switch (argv.length) {
      case 0: return call()
      case 1: return call(argv[0])
      case 2: return call(argv[0], argv[1])
      default: return call(...argv)
    }
  }
}

function rethrow(frame: Frame, name: string, error: unknown, first: Operand | undefined): never {
  if (error instanceof GoError) {
    // Go names what was to be called.
    const message = name === 'call' && first !== undefined ? error.message.replace(/^non-function of type/, () => `non-function ${nodeText(first)} of type`) : error.message
    fail(frame, `error calling ${name}: ${message}`, error)
  }
  if (error instanceof RangeError && error.message === 'Invalid string length') throw new LimitError('output', `${name} makes a text that is too long`)
  throw error
}

function buildShortCircuit(stopsAt: boolean, name: string, args: readonly Operand[], compiler: Compiler): CommandEval {
  const evals = args.map((arg) => compileArg(arg, 'reflect.Value', compiler))
  return (dot, frame, final) => {
    if (evals.length === 0 && final === missingArg) fail(frame, `wrong number of args for ${name}: want at least 1 got 0`)
    let value: unknown
    for (const arg of evals) {
      value = arg(dot, frame)
      if (frame.run.reads !== undefined) noteTruth(frame.run.reads, value)
      if (isTrue(value) === stopsAt) return value
    }
    return final === missingArg ? value : final
  }
}

/** An argument for a parameter of a type. */
function compileArg(node: Operand, type: ParamType, compiler: Compiler): Eval {
  switch (node.type) {
    case 'dot': return checked(node, type, (dot) => dot)
    case 'nil': return (_dot, frame) => {
      frame.node = node
      return canBeNil(type) ? (type === 'reflect.Value' ? undefined : null) : fail(frame, `cannot assign nil to ${type}`)
    }
    case 'field': return checked(node, type, withoutFinal(compileField(node, [], compiler)))
    case 'variable': return checked(node, type, withoutFinal(compileVariable(node, [], compiler)))
    case 'pipe': return checked(node, type, compiler.pipe(node, compiler.scope))
    case 'identifier': return checked(node, type, withoutFinal(compileFunction(node, node, [], compiler)))
    case 'chain': return checked(node, type, withoutFinal(compileChain(node, [], compiler)))
    default: return constantArg(node, type)
  }
}

function checked(node: Operand, type: ParamType, value: Eval): Eval {
  if (type === 'reflect.Value') {
    return (dot, frame) => {
      frame.node = node
      return value(dot, frame)
    }
  }
  if (type === 'interface {}') {
    return (dot, frame) => {
      frame.node = node
      return value(dot, frame) ?? null
    }
  }
  return (dot, frame) => {
    frame.node = node
    return assign(frame, value(dot, frame), type)
  }
}

/** A literal for a parameter: Go lets it take the parameter's type. */
function constantArg(node: Operand, type: ParamType): Eval {
  const refuse = (message: string): Eval => (_dot, frame) => {
    frame.node = node
    return fail(frame, message)
  }
  const text = nodeText(node)
  const give = (value: unknown): Eval => (_dot, frame) => {
    frame.node = node
    return value
  }
  switch (type) {
    case 'bool': return node.type === 'bool' ? give(node.value) : refuse(`expected bool; found ${text}`)
    case 'string': return node.type === 'string' ? give(node.value) : refuse(`expected string; found ${text}`)
    case 'int': return node.type === 'number' && node.int !== undefined ? give(Number(node.int)) : refuse(`expected integer; found ${text}`)
    case 'int64': case 'time.Duration': return node.type === 'number' && node.int !== undefined ? give(node.int) : refuse(`expected integer; found ${text}`)
    case 'float64': return node.type === 'number' && node.float !== undefined ? give(node.float) : refuse(`expected float; found ${text}`)
    case 'interface {}': case 'reflect.Value': {
      if (node.type === 'number') {
        const value = idealConstant(node)
        return (dot, frame) => {
          frame.node = node
          return value(dot, frame)
        }
      }
      return node.type === 'bool' || node.type === 'string' ? give(node.value) : refuse(`can't handle ${text} for arg of type ${type}`)
    }
    default: return refuse(`can't handle ${text} for arg of type ${type}`)
  }
}

