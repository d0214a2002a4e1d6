import type { Frame } from './frame.ts'
import type { Template } from './template-set.ts'

/**
 * Knows what statements depended on, so that one whose grounds have not changed is not run again. What it is asked about an execution holds for that
 * execution; after a fault it is not asked any more.
 */
export interface Recorder {
  /** A statement begins. */
  enter(): void
  /** It has ended: what it depended on; undefined when it must run each time. */
  leave(): object | undefined
  /** Does what a statement depended on still hold? Then it counts as looked at. */
  again(held: object): boolean
  /** Is this a value that a variable can be given again later: one that cannot change, or of which changes are told? */
  lasts(value: unknown): boolean
}

/** What a statement, or a stretch of them, read and wrote when it last ran. Lists inside it (branches, turns of a loop, the template it calls) have their own. */
export class StatementMemo {
  dot: unknown
  ins: unknown[] = []
  outs: unknown[] = []
  text = ''
  /** Characters counted against the limit. */
  written = 0
  held: object | undefined
  private lists: Map<number, ListMemo> | undefined
  private before: Map<number, ListMemo> | undefined

  /** It runs anew: of what it had inside, only what is asked for is kept. */
  begin(): void {
    this.before = this.lists
    this.lists = undefined
    this.held = undefined
  }

  end(): void {
    this.before = undefined
  }

  /** The memo of its list number `index`. */
  list(index: number): ListMemo {
    let found = this.lists?.get(index)
    if (found === undefined) (this.lists ??= new Map()).set(index, found = this.before?.get(index) ?? new ListMemo())
    return found
  }
}

/** What the statements of a list wrote when they last ran, to be handed in again: then only those run whose grounds have changed. */
export class ListMemo {
  readonly steps: (StatementMemo | undefined)[] = []
  private owner: Template | undefined

  /** This memo, emptied when it is of another template. */
  of(template: Template): this {
    if (this.owner !== template) this.steps.length = 0
    this.owner = template
    return this
  }
}

/**
 * A stretch of a list: variables it takes from outside, those it leaves behind, and which of its statements are kept on their own too, by index.
 * Not to be kept when running it costs less than finding out.
 */
export interface Stretch { readonly from: number; readonly to: number; readonly isKept: boolean; readonly ins: readonly number[]; readonly outs: readonly number[]; readonly inside: readonly Stretch[] }

type Step = (dot: unknown, frame: Frame) => 0 | 1 | 2

/** Runs a list, writing again what stretches of it wrote whose grounds have not changed. */
export function replayList(stretches: readonly Stretch[], steps: readonly Step[], dot: unknown, frame: Frame, memo: ListMemo): 0 | 1 | 2 {
  for (const [i, stretch] of stretches.entries()) {
    const signal = replayStretch(stretch, steps, dot, frame, memo, i)
    if (signal === 0) continue
    // What was not reached has not been looked at.
    memo.steps.length = Math.min(memo.steps.length, i + 1)
    return signal
  }
  return 0
}

function replayStretch(stretch: Stretch, steps: readonly Step[], dot: unknown, frame: Frame, list: ListMemo, index: number): 0 | 1 | 2 {
  if (!stretch.isKept) return runStretch(stretch, steps, dot, frame, undefined)
  const { ins, outs } = stretch
  const { run, vars } = frame
  const recorder = run.recorder as Recorder // there are no memos without
  let memo = list.steps[index]
  if (memo?.held !== undefined && memo.dot === dot && same(memo.ins, ins, vars) && recorder.again(memo.held)) {
    run.repeat(memo.text, memo.written)
    for (let i = 0; i < outs.length; i++) vars[outs[i] as number] = memo.outs[i]
    return 0
  }
  if (memo === undefined) list.steps[index] = memo = new StatementMemo()
  memo.begin()
  memo.dot = dot
  memo.ins = ins.map((slot) => vars[slot])
  recorder.enter()
  const start = run.begin()
  const signal = runStretch(stretch, steps, dot, frame, memo)
  const { text, written } = run.end(start)
  const held = recorder.leave()
  memo.end()
  memo.text = text
  memo.written = written
  memo.outs = outs.map((slot) => vars[slot])
  if (signal === 0 && memo.outs.every((value) => recorder.lasts(value))) memo.held = held
  return signal
}

/** Runs the statements of a stretch; those of a longer one by its stretches. */
function runStretch({ from, to, inside }: Stretch, steps: readonly Step[], dot: unknown, frame: Frame, memo: StatementMemo | undefined): 0 | 1 | 2 {
  if (inside.length > 0 && memo !== undefined) return replayList(inside, steps, dot, frame, memo.list(0))
  for (let i = from; i < to; i++) {
    frame.statement = to - from === 1 ? memo : undefined
    const signal = (steps[i] as Step)(dot, frame)
    if (signal !== 0) return signal
  }
  frame.statement = undefined
  return 0
}

function same(values: readonly unknown[], slots: readonly number[], vars: readonly unknown[]): boolean {
  for (let i = 0; i < slots.length; i++) if (values[i] !== vars[slots[i] as number]) return false
  return true
}
