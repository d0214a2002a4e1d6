/** How many texts are remembered; values of requests pass through too, and must not grow the process. */
const kept = 5_000
/** Longer texts are worked out each time. */
const longest = 256

/** A pure function of a text that remembers its answers. */
export function boundedCache<T>(work: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return (text) => {
    const found = known.get(text)
    if (found !== undefined || known.has(text)) return found as T
    const made = work(text)
    if (text.length > longest) return made
    if (known.size >= kept) known.clear()
    known.set(text, made)
    return made
  }
}
