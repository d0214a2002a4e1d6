import { content, isMap, Struct, type GoFunction, type GoMap } from './value.ts'

/**
 * Told what an execution looks at in the data it was given, so that a caller can tell whether its output still holds for other data.
 * Containers are maps and lists; what is passed on by reference has not been looked at.
 */
export interface Reads {
  /** One member of a map or a list. */
  key(container: object, key: string): void
  /** Whether it is empty. */
  truth(container: object): void
  /** Which members it has and what they are, but not what is inside them. */
  shallow(container: object): void
  /** Everything inside. */
  deep(value: unknown): void
}

/** What a function looks at in its arguments. */
export type ReadsOf = (reads: Reads, args: readonly unknown[]) => void

/** Is it a map or a list? What is in structs does not change. */
function isContainer(value: unknown): value is object {
  return Array.isArray(value) || isMap(value)
}

/** A function that passes its arguments on. */
export const readsNothing: ReadsOf = () => {}

/** A function that asks which of its arguments are empty. */
export const readsTruth: ReadsOf = (reads, args) => {
  for (const arg of args) noteTruth(reads, arg)
}

/** A function that looks at the members of its arguments. */
export const readsShallow: ReadsOf = (reads, args) => {
  for (const arg of args) if (isContainer(content(arg))) reads.shallow(content(arg) as object)
}

export function noteTruth(reads: Reads, value: unknown): void {
  if (typeof value === 'object' && value !== null && !(value instanceof Struct) && isContainer(value)) reads.truth(value)
}

/** `index`, `dig`: a path of keys from the first argument. */
export function notePath(reads: Reads, item: unknown, keys: readonly unknown[]): void {
  let value = item
  for (const key of keys) {
    if (!isContainer(value)) return
    reads.key(value, String(key))
    value = Array.isArray(value) ? value[Number(key)] : typeof key === 'string' && Object.hasOwn(value, key) ? (value as GoMap)[key] : undefined
  }
}

/** Tells of a call; a function that says nothing looks at everything it is given. */
export function noteCall(reads: Reads, target: GoFunction, args: readonly unknown[]): void {
  if (target.reads !== undefined) target.reads(reads, args)
  else for (const arg of args) if (typeof arg === 'object' && arg !== null) reads.deep(arg)
}
