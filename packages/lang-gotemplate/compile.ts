import { compileCommand, type CommandEval } from './compile-command.ts'
import { missingArg, type Eval, type Scope } from './eval.ts'
import { printed, sprintV } from './format.ts'
import { fail, type Frame } from './frame.ts'
import { replayList, type ListMemo } from './replay.ts'
import { planList } from './replay-plan.ts'
import { sortedKeys } from './go-string.ts'
import { quoteGo } from './quote.ts'
import { executeTemplate } from './template-set.ts'
import type { ActionNode, BranchNode, ListNode, PipeNode, Statement, TemplateNode, Tree } from './node.ts'
import { noteTruth, readsShallow } from './reads.ts'
import { content, isFunction, isTrue, Num, Struct, typeOf, type GoMap } from './value.ts'

/** The executable form of a tree: writes to the frame's run. */
export type Body = (dot: unknown, frame: Frame) => void

/** How a statement ended: 0 goes on, 1 is `break`, 2 is `continue`. */
type Signal = 0 | 1 | 2
type Step = (dot: unknown, frame: Frame) => Signal

/** Turns a tree into closures. */
export function compileTree(tree: Tree): Body {
  return compileList(tree.root, { dotIsElement: false, elementSlots: new Set() })
}

function compileList(list: ListNode, scope: Scope): Step {
  const steps = list.nodes.map((node) => compileStatement(node, scope))
  if (steps.length === 0) return () => 0
  let plan: ReturnType<typeof planList> | undefined
  return (dot, frame) => {
    const memo = frame.list
    if (memo !== undefined) {
      frame.list = undefined
      return replayList(plan ??= planList(list, (name) => frame.run.set.functions.get(name)?.isCostly === true), steps, dot, frame, memo)
    }
    for (const step of steps) {
      const signal = step(dot, frame)
      if (signal !== 0) return signal
    }
    return 0
  }
}

function compileStatement(node: Statement, scope: Scope): Step {
  switch (node.type) {
    case 'text': {
      const { text } = node
      return (_dot, frame) => {
        frame.run.write(text)
        return 0
      }
    }
    case 'action': return compileAction(node, scope)
    case 'if': case 'with': return compileIf(node, scope)
    case 'range': return compileRange(node, scope)
    case 'template': return compileTemplate(node, scope)
    case 'break': return () => 1
    case 'continue': return () => 2
  }
}

function compileAction(node: ActionNode, scope: Scope): Step {
  const value = compilePipe(node.pipe, scope)
  if (node.pipe.declared.length > 0) {
    return (dot, frame) => {
      value(dot, frame)
      return 0
    }
  }
  return (dot, frame) => {
    const found = value(dot, frame)
    frame.node = node
    if (typeof found === 'string') frame.run.write(found)
    else if (isFunction(found)) fail(frame, `can't print ${quoteNode(node)} of type ${typeOf(found)}`)
    else {
      frame.run.reads?.deep(found)
      frame.run.write(printed(found))
    }
    return 0
  }
}

function quoteNode(node: ActionNode): string {
  return node.source.text.slice(node.pos, node.pos + 40)
}

/** A pipeline: its value, with nil inside an interface read as nothing. */
export function compilePipe(pipe: PipeNode, scope: Scope): Eval {
  const commands = pipe.commands.map((command) => compileCommand(command, scope, compilePipe))
  const value = compileCommands(pipe, commands)
  const [first, second] = pipe.declared
  if (first === undefined) return value
  for (const { slot } of pipe.declared) scope.elementSlots.delete(slot)
  return (dot, frame) => {
    const found = value(dot, frame)
    frame.vars[first.slot] = found
    if (second !== undefined) frame.vars[second.slot] = found
    return found
  }
}

function compileCommands(pipe: PipeNode, commands: CommandEval[]): Eval {
  const [first, second] = commands
  if (first === undefined) return () => undefined
  if (second === undefined) {
    return (dot, frame) => {
      frame.node = pipe
      return first(dot, frame, missingArg) ?? undefined
    }
  }
  return (dot, frame) => {
    frame.node = pipe
    let value: unknown = missingArg
    for (const command of commands) value = command(dot, frame, value) ?? undefined
    return value
  }
}

function compileIf(node: BranchNode, scope: Scope): Step {
  const test = compilePipe(node.pipe, scope)
  const isWith = node.type === 'with'
  const then = compileList(node.list, isWith ? { ...scope, dotIsElement: false } : scope)
  const orElse = node.orElse === undefined ? undefined : compileList(node.orElse, scope)
  return (dot, frame) => {
    const value = test(dot, frame)
    if (frame.run.reads !== undefined) noteTruth(frame.run.reads, value)
    const branch = isTrue(value)
    if (!branch && orElse === undefined) return 0
    frame.list = frame.statement?.list(branch ? 0 : 1)
    return branch ? then(isWith ? value : dot, frame) : (orElse as Step)(dot, frame)
  }
}

function compileTemplate(node: TemplateNode, scope: Scope): Step {
  const argument = node.pipe === undefined ? undefined : compilePipe(node.pipe, scope)
  return (dot, frame) => {
    frame.node = node
    if (frame.run.set.get(node.name) === undefined) fail(frame, `template ${quoteGo(node.name)} not defined`)
    executeTemplate(frame.run, node.name, argument?.(dot, frame), frame.tree.name, frame.depth + 1, frame.statement?.list(0))
    return 0
  }
}

interface RangeParts {
  readonly node: BranchNode
  readonly value: Eval
  readonly body: Step
  readonly orElse: Step | undefined
  readonly indexSlot: number
  readonly elementSlot: number
}

function compileRange(node: BranchNode, scope: Scope): Step {
  const [first, second] = node.pipe.declared
  const value = compilePipe(node.pipe, scope)
  const inner: Scope = { dotIsElement: true, elementSlots: scope.elementSlots }
  const elementSlot = (second ?? first)?.slot ?? -1
  if (elementSlot >= 0) scope.elementSlots.add(elementSlot)
  const body = compileList(node.list, inner)
  if (elementSlot >= 0) scope.elementSlots.delete(elementSlot)
  const orElse = node.orElse === undefined ? undefined : compileList(node.orElse, scope)
  const parts: RangeParts = { node, value, body, orElse, indexSlot: second === undefined ? -1 : first?.slot ?? -1, elementSlot }
  return (dot, frame) => range(parts, dot, frame)
}

function range(parts: RangeParts, dot: unknown, frame: Frame): Signal {
  frame.node = parts.node
  const found = parts.value(dot, frame)
  const value = content(found)
  const { statement } = frame
  if (frame.run.reads !== undefined) readsShallow(frame.run.reads, [value])
  const ran = Array.isArray(value) || value instanceof Uint8Array ? rangeList(parts, value, frame)
    : typeof value === 'bigint' || (value instanceof Num && typeof value.value === 'bigint') ? rangeInt(parts, value, frame)
      : value === undefined || value === null ? 0
        : typeof value === 'object' && !(value instanceof Num) && !(value instanceof Struct) && !isFunction(value) ? rangeMap(parts, value as GoMap, frame)
          : fail(frame, `range can't iterate over ${sprintV(found)}`)
  if (ran > 0 || parts.orElse === undefined) return 0
  frame.list = statement?.list(-1)
  return parts.orElse(dot, frame)
}

/** One turn. True when the loop ends. */
function turn(parts: RangeParts, index: unknown, element: unknown, frame: Frame, list: ListMemo | undefined): boolean {
  if (parts.elementSlot >= 0) frame.vars[parts.elementSlot] = element
  if (parts.indexSlot >= 0) frame.vars[parts.indexSlot] = index
  frame.run.step()
  frame.list = list
  return parts.body(element, frame) === 1
}

function rangeList(parts: RangeParts, list: readonly unknown[] | Uint8Array, frame: Frame): number {
  const bytes = list instanceof Uint8Array
  const { length } = list
  const { statement } = frame
  for (let i = 0; i < length; i++) {
    const element = bytes ? new Num('uint8', BigInt(list[i] ?? 0)) : list[i]
    if (turn(parts, parts.indexSlot < 0 ? undefined : BigInt(i), element, frame, statement?.list(i))) break
  }
  return length
}

function rangeMap(parts: RangeParts, map: GoMap, frame: Frame): number {
  const keys = sortedKeys(map)
  // Values are those at the start, as Go's sorted copy has them.
  const values = keys.map((key) => map[key])
  const { statement } = frame
  for (let i = 0; i < keys.length; i++) if (turn(parts, keys[i], values[i], frame, statement?.list(i))) break
  return keys.length
}

function rangeInt(parts: RangeParts, value: bigint | Num, frame: Frame): number {
  if (parts.indexSlot >= 0) fail(frame, `can't use ${sprintV(value)} to iterate over more than one variable`)
  const count = value instanceof Num ? value.value as bigint : value
  for (let i = 0n; i < count; i++) {
    if (turn(parts, undefined, value instanceof Num ? new Num(value.type, i, value.kind) : i, frame, undefined)) break
  }
  return count > 0n ? 1 : 0
}
