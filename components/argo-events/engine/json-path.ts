import type { Json } from '@idp/formats'

/** The value at a path of dots (`body.items.0.name`, `\.` for a dot in a key); undefined where a step is missing. */
export function read(value: unknown, path: string): Json | undefined {
  return stepsOf(path).reduce<unknown>((one, step) => (typeof one === 'object' && one !== null && Object.hasOwn(one, step) ? (one as Record<string, unknown>)[step] : undefined), value) as Json | undefined
}

/** A copy with the value at a path set; what is missing on the way is made, lists where a number comes next. */
export function write<T>(value: T, path: string, set: Json): T {
  const copy = structuredClone(value)
  const steps = stepsOf(path)
  let at = copy as unknown as Record<string, unknown>
  for (const [index, step] of steps.slice(0, -1).entries()) {
    const next = at[step]
    if (typeof next !== 'object' || next === null) at[step] = /^-?\d+$/.test(steps[index + 1] ?? '') ? [] : {}
    at = at[step] as Record<string, unknown>
  }
  const last = steps.at(-1) ?? ''
  if (Array.isArray(at) && last === '-1') at.push(set)
  else if (last === '__proto__') return copy
  else at[last] = set
  return copy
}

const stepsOf = (path: string): string[] => path.split(/(?<!\\)\./).map((step) => step.replaceAll('\\.', '.'))
