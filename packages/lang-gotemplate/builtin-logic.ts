import { readsTruth } from './reads.ts'
import { fn, isTrue, reading } from './value.ts'

/** `and` and `or` evaluate only as many arguments as they need; the caller of functions knows these two values. */
export const andFunction = fn('value ...value', () => undefined)
export const orFunction = fn('value ...value', () => undefined)
export const notFunction = reading(readsTruth, fn('value', (value: unknown) => !isTrue(value)))

/** Stands for an index that Go holds in an interface, because it came out of a map or a list. */
export class Element {}
