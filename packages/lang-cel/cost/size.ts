/** How many characters, bytes or elements a value may have. What is not known ends at Infinity. */
export interface Size { readonly min: number; readonly max: number }

export const unknownSize: Size = { min: 0, max: Infinity }
export const fixed = (count: number): Size => ({ min: count, max: count })

/** A product that is 0 when either side is, Infinity included. */
export const times = (a: number, b: number): number => a === 0 || b === 0 ? 0 : a * b

/** A size as cost, rounded up. */
export const scale = (count: number, factor: number): number => Math.ceil(times(count, factor))

export const plus = (a: Size, b: Size): Size => ({ min: a.min + b.min, max: a.max + b.max })
export const product = (a: Size, b: Size): Size => ({ min: times(a.min, b.min), max: times(a.max, b.max) })

export function union(a: Size | undefined, b: Size | undefined): Size | undefined {
  return a && b ? { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) } : a ?? b
}
