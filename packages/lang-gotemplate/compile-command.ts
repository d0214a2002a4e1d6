import { buildCall } from './compile-call.ts'
import { missingArg, type Eval, type Scope } from './eval.ts'
import { field, mayBeMethod, methodOf } from './field.ts'
import { fail, type Frame } from './frame.ts'
import { nodeText, type ChainNode, type CommandNode, type FieldNode, type IdentifierNode, type NumberNode, type Operand, type PipeNode, type VariableNode } from './node.ts'
import { quoteGo } from './quote.ts'
import { noteCall } from './reads.ts'
import { Struct, type GoFunction } from './value.ts'

/** A command of a pipeline; `final` is what the command before gave, or missingArg. */
export type CommandEval = (dot: unknown, frame: Frame, final: unknown) => unknown
export type PipeCompiler = (pipe: PipeNode, scope: Scope) => Eval

/** What compiling needs everywhere. */
export interface Compiler { readonly scope: Scope; readonly pipe: PipeCompiler }

export function compileCommand(command: CommandNode, scope: Scope, pipe: PipeCompiler): CommandEval {
  const compiler: Compiler = { scope, pipe }
  const [first] = command.args
  if (first === undefined) return () => undefined
  const args = command.args.slice(1)
  switch (first.type) {
    case 'field': return compileField(first, args, compiler)
    case 'chain': return compileChain(first, args, compiler)
    case 'variable': return compileVariable(first, args, compiler)
    case 'identifier': return compileFunction(first, command, args, compiler)
    case 'pipe': return plain(first, args, pipe(first, scope))
    default: return plain(first, args, constant(first), true)
  }
}

/** A value that takes no arguments. */
function plain(first: Operand, args: readonly Operand[], value: Eval, mark = false): CommandEval {
  const hasArgs = args.length > 0
  return (dot, frame, final) => {
    if (mark) frame.node = first
    if (hasArgs || final !== missingArg) fail(frame, `can't give argument to non-function ${first.type === 'pipe' ? nodeText(first) : nodeText(first)}`)
    return value(dot, frame)
  }
}

function constant(node: Operand): Eval {
  switch (node.type) {
    case 'bool': case 'string': {
      const { value } = node
      return () => value
    }
    case 'dot': return (dot) => dot
    case 'number': return idealConstant(node)
    case 'nil': return (_dot, frame) => fail(frame, 'nil is not a command')
    default: return (_dot, frame) => fail(frame, `can't evaluate command ${quoteGo(nodeText(node))}`)
  }
}

/** A number where any type will do: an int unless its text says float. */
export function idealConstant(node: NumberNode): Eval {
  const { text, int, float } = node
  if (node.imaginary) return (_dot, frame) => fail(frame, `complex number ${text} is not supported`)
  const isHex = /^0[xX]/.test(text) && !/[pP]/.test(text)
  if (float !== undefined && !isHex && !text.startsWith('\'') && /[.eEpP]/.test(text)) return () => float
  if (int !== undefined) return () => int
  return (_dot, frame) => fail(frame, `${text} overflows int`)
}

export function compileField(node: FieldNode, args: readonly Operand[], compiler: Compiler): CommandEval {
  const walk = compilePath(node, node.path, compiler.scope.dotIsElement, args, compiler)
  return (dot, frame, final) => {
    frame.node = node
    return walk(dot, frame, final, dot)
  }
}

export function compileVariable(node: VariableNode, args: readonly Operand[], compiler: Compiler): CommandEval {
  const { slot } = node
  if (slot < 0) return (_dot, frame) => {
    frame.node = node
    return fail(frame, `undefined variable: ${node.path[0]}`)
  }
  if (node.path.length === 1) {
    const hasArgs = args.length > 0
    return (_dot, frame, final) => {
      frame.node = node
      if (hasArgs || final !== missingArg) fail(frame, `can't give argument to non-function ${nodeText(node)}`)
      return frame.vars[slot]
    }
  }
  const walk = compilePath(node, node.path.slice(1), compiler.scope.elementSlots.has(slot), args, compiler)
  return (dot, frame, final) => {
    frame.node = node
    return walk(dot, frame, final, frame.vars[slot])
  }
}

export function compileChain(node: ChainNode, args: readonly Operand[], compiler: Compiler): CommandEval {
  const walk = compilePath(node, node.path, false, args, compiler)
  const inner = node.node
  if (inner.type === 'nil') return (_dot, frame) => {
    frame.node = node
    return fail(frame, `indirection through explicit nil in ${nodeText(node)}`)
  }
  const receiver: Eval = inner.type === 'pipe' ? compiler.pipe(inner, compiler.scope)
    : inner.type === 'identifier' ? withoutFinal(compileFunction(inner, inner, [], compiler))
      : inner.type === 'chain' ? withoutFinal(compileChain(inner, [], compiler))
        : constant(inner)
  return (dot, frame, final) => {
    frame.node = node
    return walk(dot, frame, final, receiver(dot, frame))
  }
}

export function withoutFinal(command: CommandEval): Eval {
  return (dot, frame) => command(dot, frame, missingArg)
}

type Walk = (dot: unknown, frame: Frame, final: unknown, receiver: unknown) => unknown

/** `.a.b.c` from a receiver; the last may be a method with arguments. */
function compilePath(node: FieldNode | VariableNode | ChainNode, path: readonly string[], firstIsElement: boolean, args: readonly Operand[], compiler: Compiler): Walk {
  const last = path.length - 1
  const lastName = path[last] ?? ''
  const hasArgs = args.length > 0
  const callMethod = compileMethod(node, args, compiler)
  const methods = path.map(mayBeMethod)
  const lastMethod = methods[last] === true
  return (dot, frame, final, receiver) => {
    let value = receiver
    for (let i = 0; i < last; i++) {
      const name = path[i] ?? ''
      const method = methods[i] === true && typeof value === 'object' && value !== null ? methodOf(value, name) : undefined
      if (method !== undefined) noteMethod(frame, method, value)
      value = method === undefined ? field(frame, value, name, i > 0 || firstIsElement) : noArguments(frame, node, name, method)
    }
    if (lastMethod && typeof value === 'object' && value !== null) {
      const method = methodOf(value, lastName)
      if (method !== undefined) {
        noteMethod(frame, method, value)
        return callMethod(dot, frame, final, lastName, method)
      }
    }
    if ((hasArgs || final !== missingArg) && value !== undefined && value !== null) refuseArguments(frame, value, lastName)
    return field(frame, value, lastName, last > 0 || firstIsElement)
  }
}

/** A method looks at what it belongs to. */
function noteMethod(frame: Frame, method: GoFunction, receiver: unknown): void {
  const { reads } = frame.run
  if (reads !== undefined && !(receiver instanceof Struct)) noteCall(reads, method, [receiver])
}

function refuseArguments(frame: Frame, value: unknown, name: string): void {
  if (value instanceof Struct) {
    if (value.shape.fields !== undefined && Object.hasOwn(value.shape.fields, name)) fail(frame, `${name} has arguments but cannot be invoked as function`)
  } else if (typeof value === 'object' && !Array.isArray(value)) fail(frame, `${name} is not a method but has arguments`)
}

function noArguments(frame: Frame, node: FieldNode | VariableNode | ChainNode, name: string, method: GoFunction): unknown {
  return buildCall(method, name, node, [], { scope: { dotIsElement: false, elementSlots: new Set() }, pipe: () => () => undefined })(undefined, frame, missingArg)
}

/** Arguments are compiled when the function is known; what is known of variables must be as it is here. */
function frozen(compiler: Compiler): Compiler {
  const { scope } = compiler
  return { ...compiler, scope: { ...scope, elementSlots: new Set(scope.elementSlots) } }
}

/** Calls of methods, which are only known at run time; the last one is kept. */
function compileMethod(node: FieldNode | VariableNode | ChainNode, args: readonly Operand[], given: Compiler) {
  const compiler = frozen(given)
  let known: GoFunction | undefined
  let call: CommandEval | undefined
  return (dot: unknown, frame: Frame, final: unknown, name: string, method: GoFunction): unknown => {
    if (call === undefined || known !== method) {
      call = buildCall(method, name, node, args, compiler)
      known = method
    }
    return call(dot, frame, final)
  }
}

/** A function by name, looked up in the running set. */
export function compileFunction(node: IdentifierNode, whole: CommandNode | IdentifierNode, args: readonly Operand[], given: Compiler): CommandEval {
  const compiler = frozen(given)
  let known: GoFunction | undefined
  let call: CommandEval | undefined
  return (dot, frame, final) => {
    frame.node = node
    const found = frame.run.set.functions.get(node.name)
    if (found === undefined) return fail(frame, `${quoteGo(node.name)} is not a defined function`)
    if (call === undefined || known !== found) {
      call = buildCall(found, node.name, whole, args, compiler)
      known = found
    }
    return call(dot, frame, final)
  }
}
