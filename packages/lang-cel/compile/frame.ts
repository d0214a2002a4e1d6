import { CelFault } from '../value/fault.ts'
import type { CelValue } from '../value/value.ts'

/** The state of one evaluation. */
export interface Frame {
  readonly variables: Readonly<Record<string, CelValue | undefined>>
  /** Variables of macros, by the slot that the compiler gave each. */
  readonly locals: CelValue[]
  cost: number
  readonly limit: number
}

/** A compiled node. */
export type Eval = (frame: Frame) => CelValue

/** Adds cost and stops the evaluation when the limit is exceeded. */
export function charge(frame: Frame, cost: number): void {
  frame.cost += cost
  if (frame.cost > frame.limit) throw new CelFault('operation cancelled: actual cost limit exceeded', true)
}

/** The fault of something thrown, if the expression may go on after it. */
export function recoverable(thrown: unknown): CelFault {
  if (thrown instanceof CelFault && !thrown.fatal) return thrown
  throw thrown
}
