import type { Json } from '@idp/formats'

/** How many different parts of policies are kept per kind of part. */
const kept = 20_000

/**
 * Works out something once for all equal parts of policies (`match` blocks, patterns, conditions). A cluster's policies repeat each other much;
 * what they share stays in the processor's cache, and that, not computing, is what hundreds of policies cost.
 */
export function interned<P extends object, T>(work: (part: P) => T): (part: P) => T {
  const byPart = new WeakMap<P, T>()
  const byText = new Map<string, T>()
  return (part) => {
    const known = byPart.get(part)
    if (known !== undefined) return known
    const text = JSON.stringify(part satisfies object as Json)
    const made = byText.get(text) ?? work(part)
    if (byText.size >= kept) byText.clear()
    byText.set(text, made)
    byPart.set(part, made)
    return made
  }
}
