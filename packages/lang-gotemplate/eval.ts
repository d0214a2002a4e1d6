import type { Frame } from './frame.ts'

/** An expression: its value for a dot in a frame. */
export type Eval = (dot: unknown, frame: Frame) => unknown

/** Stands for "no value came through the pipe". */
export const missingArg: unique symbol = Symbol('missing')

/** What is known of the place while compiling: whether dot and variables are elements of a collection (Go then names their type interface {}). */
export interface Scope { readonly dotIsElement: boolean; readonly elementSlots: Set<number> }
