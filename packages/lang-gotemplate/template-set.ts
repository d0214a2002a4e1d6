import { compileTree, type Body } from './compile.ts'
import { placeOf, type Frame } from './frame.ts'
import { ExecError, LimitError, ParseError } from './go-error.ts'
import { isEmptyTree, type Tree } from './node.ts'
import { parseTemplate } from './parser.ts'
import type { Reads } from './reads.ts'
import type { ListMemo, Recorder } from './replay.ts'
import { Run, type Limits, type MissingKey } from './run.ts'
import type { GoFunction } from './value.ts'

/** The functions templates may call, by name. */
export type FunctionTable = ReadonlyMap<string, GoFunction>

/** A tree with its executable form, made on first use. */
export class Template {
  readonly tree: Tree
  readonly name: string
  private compiled: Body | undefined
  constructor(tree: Tree) {
    this.tree = tree
    this.name = tree.name
  }
  get body(): Body {
    return (this.compiled ??= compileTree(this.tree))
  }
}

export interface ExecuteOptions { readonly missingKey?: MissingKey; readonly limits?: Limits; readonly now: () => number; readonly context?: unknown; readonly entered?: ((name: string, template: Template) => void) | undefined; readonly reads?: Reads | undefined; readonly recorder?: Recorder | undefined; readonly memo?: ListMemo | undefined }

/** Templates that know each other by name, and the functions they may call. */
export class TemplateSet {
  readonly functions: FunctionTable
  private readonly own = new Map<string, Template>()
  private readonly parent: TemplateSet | undefined

  constructor(functions: FunctionTable, parent?: TemplateSet) {
    this.functions = functions
    this.parent = parent
  }

  get(name: string): Template | undefined {
    return this.own.get(name) ?? this.parent?.get(name)
  }

  /** Reads a text and adds what it defines. A later definition replaces an earlier one unless it is empty. Throws ParseError. */
  parse(name: string, text: string): Template[] {
    const templates = parseTemplates(name, text, this.functions)
    for (const template of templates) this.add(template)
    return templates
  }

  add(template: Template): void {
    if (this.get(template.name) !== undefined && isEmptyTree(template.tree.root)) return
    this.own.set(template.name, template)
  }

  /** Names of this set's own templates. */
  names(): string[] {
    return [...this.own.keys()]
  }

  /** Runs a template and answers its output. Throws ExecError, LimitError. */
  execute(name: string, data: unknown, options: ExecuteOptions): string {
    const run = new Run(this, options)
    try {
      executeTemplate(run, name, data, 'gotpl', 0, options.memo)
    } catch (error) {
      throw placed(asLimit(error), run)
    }
    return run.text
  }
}

/** Reads a text into templates without adding them anywhere: for caches. */
export function parseTemplates(name: string, text: string, functions: FunctionTable): Template[] {
  const options = { hasFunction: (word: string) => functions.has(word), breakIsFunction: functions.has('break'), continueIsFunction: functions.has('continue') }
  try {
    return parseTemplate(name, text, options).map((tree) => new Template(tree))
  } catch (error) {
    const limit = asLimit(error)
    if (limit instanceof LimitError && limit !== error) throw new ParseError(name, 1, 'the expressions are nested too deeply')
    throw error
  }
}

/** JavaScript's own stack ends before Go's limits: the same verdict by another way. */
export function asLimit(error: unknown): unknown {
  // A regular expression that has no room to be compiled says it as a SyntaxError.
  return error instanceof Error && error.message.includes('Maximum call stack') ? new LimitError('depth', 'templates include each other without end') : error
}

/** A limit with the place where it was reached. */
function placed(error: unknown, { frame }: Run): unknown {
  if (error instanceof LimitError && frame !== undefined) error.place ??= placeOf(frame.node)
  return error
}

/** Runs a template by name within a run; output goes to the run. With `memo`, only those of its statements run whose grounds have changed. */
export function executeTemplate(run: Run, name: string, data: unknown, from: string, depth: number, memo?: ListMemo): void {
  const template = run.set.get(name)
  if (template === undefined) throw new ExecError(name, `template: no template "${name}" associated with template "${from}"`)
  run.step()
  run.entered?.(name, template)
  if (depth > run.maxDepth) throw new LimitError('depth', `templates are nested deeper than ${run.maxDepth}`)
  const vars: unknown[] = [data]
  const frame: Frame = { run, tree: template.tree, vars, depth, node: template.tree.root, list: memo?.of(template), statement: undefined }
  const outer = run.frame
  run.frame = frame
  template.body(data, frame)
  // After a fault the innermost one stays.
  run.frame = outer
}
