import type { Frame } from './frame.ts'
import { LimitError } from './go-error.ts'
import type { Reads } from './reads.ts'
import type { Recorder } from './replay.ts'
import type { Template, TemplateSet } from './template-set.ts'

/** What `.missing` reads as: nothing ('default'), the zero value ('zero', what Helm uses), or an error. */
export type MissingKey = 'default' | 'zero' | 'error'

/** Bounds of one execution. Zero or absent means none but the default. */
export interface Limits {
  /** Milliseconds. */
  readonly timeMs?: number
  /** Templates inside templates. */
  readonly depth?: number
  /** Characters written, those captured by `include` too. */
  readonly output?: number
}

/** The output up to a place. */
interface OutputMark { readonly out: string; readonly tail: string; readonly written: number }

const flatSize = 1 << 16

export const defaultLimits = { timeMs: 30_000, depth: 2_000, output: 128 * 1024 * 1024 } as const

/** One execution of a template set: its output so far, and what it has used of its limits. */
export class Run {
  set: TemplateSet
  /** The body that runs: where a limit was reached. */
  frame: Frame | undefined
  private out = ''
  private tail = ''
  readonly missingKey: MissingKey
  readonly maxDepth: number
  /** What the caller gave along for its functions. */
  readonly context: unknown
  /** Told of every template that begins, with its name as it was looked up. */
  readonly entered: ((name: string, template: Template) => void) | undefined
  /** Told what is looked at. */
  readonly reads: Reads | undefined
  /** Asked which statements have to run. */
  readonly recorder: Recorder | undefined
  private readonly maxOutput: number
  private readonly deadline: number
  private readonly now: () => number
  private written = 0
  private steps = 0

  constructor(set: TemplateSet, options: { missingKey?: MissingKey; limits?: Limits; now: () => number; context?: unknown; entered?: ((name: string, template: Template) => void) | undefined; reads?: Reads | undefined; recorder?: Recorder | undefined }) {
    this.set = set
    this.missingKey = options.missingKey ?? 'default'
    this.context = options.context
    this.entered = options.entered
    this.reads = options.reads
    this.recorder = options.recorder
    this.now = options.now
    this.maxDepth = options.limits?.depth || defaultLimits.depth
    this.maxOutput = options.limits?.output || defaultLimits.output
    this.deadline = options.now() + (options.limits?.timeMs || defaultLimits.timeMs)
  }

  write(text: string): void {
    this.written += text.length
    if (this.written > this.maxOutput) throw new LimitError('output', `the templates write more than ${this.maxOutput} characters`)
    this.tail += text
    if (this.tail.length > flatSize) this.flush()
  }

  /** Asked for a character, the engine turns the many small pieces into one; as they are they would take many times the space. */
  private flush(): void {
    this.tail.charCodeAt(0)
    this.out += this.tail
    this.tail = ''
  }

  /** All that was written. */
  get text(): string {
    return this.out === '' ? this.tail : this.out + this.tail
  }

  /** Counts one turn of a loop or one call of a template. */
  step(): void {
    if ((++this.steps & 1023) === 0 && this.now() > this.deadline) throw new LimitError('time', 'the templates take longer than they may')
  }

  /** What is written from here on is told by `end`. */
  begin(): OutputMark {
    const mark = { out: this.out, tail: this.tail, written: this.written }
    this.out = ''
    this.tail = ''
    return mark
  }

  end({ out, tail, written }: OutputMark): { text: string; written: number } {
    const { text } = this
    this.out = out
    this.tail = tail + text
    if (this.tail.length > flatSize) this.flush()
    return { text, written: this.written - written }
  }

  /** Writes what was written before, when that took `written` characters. */
  repeat(text: string, written: number): void {
    this.written += written - text.length
    this.write(text)
  }

  /** Runs `body` with an output of its own and answers what it wrote. */
  capture(body: () => void): string {
    const { out, tail } = this
    this.out = ''
    this.tail = ''
    try {
      body()
      return this.text
    } finally {
      this.out = out
      this.tail = tail
    }
  }
}
