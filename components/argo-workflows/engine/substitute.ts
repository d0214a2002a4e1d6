import type { Json } from '@idp/formats'
import { evaluate } from './evaluate.ts'

/** Values by the names that tags use, e.g. `inputs.parameters.message`. */
export type Scope = Readonly<Record<string, Json>>

/** Tags that are filled in later than the place that holds them: by the steps of a template, by the pod. */
const tag = /\{\{(.+?)\}\}/gs

/** How a value reads inside a text. */
export const asText = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value))

/**
 * Fills in `{{name}}` and `{{=expression}}` in every text below `value`. A tag whose name the scope does not have stays as it is,
 * since a later step may know it; `unresolvedIn` finds those that nobody knew.
 */
export function substitute<T>(value: T, scope: Scope): T {
  if (typeof value === 'string') return (value.includes('{{') ? value.replaceAll(tag, (whole, inner: string) => replaced(whole, inner, scope)) : value) as T
  if (Array.isArray(value)) return value.map((one: unknown) => substitute(one, scope)) as T
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, one]) => [substitute(key, scope), substitute(one as unknown, scope)])) as T
  return value
}

function replaced(whole: string, inner: string, scope: Scope): string {
  const name = inner.trim()
  if (!name.startsWith('=')) {
    const value = nameIn(scope, name)
    return value === undefined ? whole : asText(value)
  }
  try {
    return asText(evaluate(name.slice(1), (path) => nameIn(scope, path)) as Json)
  } catch {
    // Not yet: what it names may be known to a later step.
    return whole
  }
}

/** A name of the scope, or a field of one that holds an object: `item.os`. */
export function nameIn(scope: Scope, name: string): Json | undefined {
  if (Object.hasOwn(scope, name)) return scope[name]
  const dot = name.lastIndexOf('.')
  if (dot < 0) return undefined
  const parent = nameIn(scope, name.slice(0, dot))
  return typeof parent === 'object' && parent !== null && !Array.isArray(parent) && Object.hasOwn(parent, name.slice(dot + 1)) ? parent[name.slice(dot + 1)] : undefined
}

/** The first tag that is left below `value`. */
export function unresolvedIn(value: unknown): string | undefined {
  if (typeof value === 'string') return /\{\{(.+?)\}\}/s.exec(value)?.[1]?.trim()
  if (typeof value !== 'object' || value === null) return undefined
  for (const one of Object.values(value)) {
    const found = unresolvedIn(one)
    if (found !== undefined) return found
  }
  return undefined
}
