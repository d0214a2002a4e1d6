import { CodedError } from '@idp/kit'
import { checkCel } from './check/checker.ts'
import { type CelType, dynType } from './check/cel-type.ts'
import { compileNode } from './compile/compile.ts'
import type { Frame } from './compile/frame.ts'
import type { CelEnvironment } from './environment.ts'
import type { CelNode } from './syntax/node.ts'
import { parseCel } from './syntax/parser.ts'
import { type CelIssue, formatIssues } from './syntax/source.ts'
import { variablesOf } from './check/variables-of.ts'
import { CelFault } from './value/fault.ts'
import type { CelValue } from './value/value.ts'

export interface EvaluateOptions {
  /** Most run-time cost before the evaluation is stopped; the unit is cel-go's. No limit when absent. */
  readonly costLimit?: number
}

/** A compiled expression; any number of evaluations, one after the other. */
export interface CelProgram {
  readonly text: string
  /** The static type of the result; `dyn` when the environment does not check. */
  readonly type: CelType
  /** The syntax tree, typed when it was checked. */
  readonly root: CelNode
  /** The static type of a node of the tree. */
  typeOf(node: CelNode): CelType
  readonly presenceTestCost: number
  /** Whether it reads a variable; of a name with dots, the whole name. */
  uses(variable: string): boolean
  /** Runs it. Throws CodedError `CelEvaluation` (message as cel-go's, e.g. `no such key: x`) or `CelCostExceeded`. */
  evaluate(variables: Readonly<Record<string, CelValue | undefined>>, options?: EvaluateOptions): CelValue
  /** Like `evaluate`, with the cost of the run; a failure is a value here. */
  run(variables: Readonly<Record<string, CelValue | undefined>>, options?: EvaluateOptions): CelOutcome
}

export type CelOutcome = { readonly value: CelValue; readonly error?: undefined; readonly cost: number } | { readonly value?: undefined; readonly error: CelFault; readonly cost: number }

/** What a text fails with that does not compile: the message is cel-go's report, one ERROR a place. */
export class CelCompileError extends CodedError {
  readonly issues: readonly CelIssue[]
  constructor(text: string, issues: readonly CelIssue[]) {
    super({ code: 'CelCompile', message: formatIssues(text, issues) })
    this.issues = issues
  }
}

/** Compiles an expression for an environment. Throws {@link CelCompileError}. */
export function compileCel(text: string, environment: CelEnvironment): CelProgram {
  const issues: CelIssue[] = []
  const root = parseCel(text, issues, environment.options.macros)
  if (!root || issues.length > 0) throw new CelCompileError(text, issues)
  const checked = environment.options.check === false ? undefined : checkCel(root, environment, issues)
  if (issues.length > 0) throw new CelCompileError(text, issues)
  const { evaluate, slots } = compileNode(root, environment, checked)
  const run: CelProgram['run'] = (variables, options) => {
    const frame: Frame = { variables, locals: slots === 0 ? noLocals : [], cost: 0, limit: options?.costLimit ?? Infinity }
    try {
      const value = evaluate(frame)
      if (frame.cost > frame.limit) throw new CelFault('operation cancelled: actual cost limit exceeded', true)
      return { value, cost: frame.cost }
    } catch (thrown) {
      // Data nested deeper than the stack, or text longer than there may be.
      if (thrown instanceof RangeError) return { error: new CelFault(`evaluation exceeds what the engine can hold: ${thrown.message}`, true), cost: frame.cost }
      if (!(thrown instanceof CelFault)) throw thrown
      return { error: thrown, cost: frame.cost }
    }
  }
  return {
    text, root, type: checked?.type ?? dynType, run, typeOf: (node) => checked?.typeOf(node) ?? dynType, presenceTestCost: environment.options.presenceTestCost ?? 1, uses: (variable) => variablesOf(root).has(variable),
    evaluate(variables, options) {
      const outcome = run(variables, options)
      if (outcome.error) throw new CodedError({ code: outcome.error.fatal ? 'CelCostExceeded' : 'CelEvaluation', message: outcome.error.message })
      return outcome.value
    },
  }
}

const noLocals: CelValue[] = []
