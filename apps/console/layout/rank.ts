export interface Link { readonly from: number; readonly to: number }

/** The layer of each item, along the links (those that lead out of the items do not count). Of links that close a circle those that come first count: a reader takes the later ones for what points back. */
export function rankItems(count: number, links: readonly Link[]): number[] {
  const next: Set<number>[] = Array.from({ length: count }, () => new Set())
  const reaches = (from: number, to: number): boolean => from === to || [...(next[from] ?? [])].some((item) => reaches(item, to))
  for (const { from, to } of links) if (from >= 0 && to >= 0 && from !== to && !reaches(to, from)) next[from]?.add(to)
  const rank: number[] = Array.from({ length: count }, () => 0)
  const push = (item: number): void => {
    for (const other of next[item] ?? []) {
      if ((rank[other] ?? 0) > (rank[item] ?? 0)) continue
      rank[other] = (rank[item] ?? 0) + 1
      push(other)
    }
  }
  for (let item = 0; item < count; item++) push(item)
  return rank
}
