/** Reads completion indexes in text form (`1,3-5`), ascending. Indexes from `completions` on are left out. */
export function parseIndexes(text: string | undefined, completions = Infinity): number[] {
  const indexes: number[] = []
  for (const part of (text ?? '').split(',').filter((p) => p !== '')) {
    const [from = 0, to = from] = part.split('-').map(Number)
    for (let i = from; i <= to && i < completions; i++) indexes.push(i)
  }
  return indexes
}

/** Writes completion indexes in text form: runs of three and more, and of two, as ranges `a-b` (two as `a,b`). */
export function formatIndexes(indexes: Iterable<number>): string {
  const sorted = [...new Set(indexes)].sort((a, b) => a - b)
  const parts: string[] = []
  for (let i = 0; i < sorted.length; ) {
    let end = i
    while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end++
    const length = end - i + 1
    parts.push(length === 1 ? String(sorted[i]) : length === 2 ? `${sorted[i]},${sorted[end]}` : `${sorted[i]}-${sorted[end]}`)
    i = end + 1
  }
  return parts.join(',')
}
