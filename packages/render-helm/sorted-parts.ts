import { sortParts, type Part, type Stored, type StoredHook } from './manifests.ts'

/** The documents of a rendering in the order helm prints them. */
export interface SortedParts {
  readonly parts: ReadonlyMap<string, Part>
  readonly manifests: readonly Stored[]
  readonly hooks: readonly StoredHook[]
}

/** Sorts parts; where only documents of the same kinds took the place of others, they take their places in the order of `before` too. */
export function sortAgain(parts: ReadonlyMap<string, Part>, before: SortedParts | undefined): SortedParts {
  const replaced = before === undefined ? undefined : replacements(parts, before.parts)
  if (before === undefined || replaced === undefined) return { parts, ...sortParts(parts) }
  return { parts, manifests: swapped(before.manifests, replaced), hooks: swapped(before.hooks, replaced) }
}

function replacements(parts: ReadonlyMap<string, Part>, before: ReadonlyMap<string, Part>): Map<Stored, Stored> | undefined {
  if (parts.size !== before.size) return undefined
  const replaced = new Map<Stored, Stored>()
  for (const [path, part] of parts) {
    const old = before.get(path)
    if (old === part) continue
    if (old === undefined || !sameKinds(old.manifests, part.manifests) || !sameKinds(old.hooks, part.hooks)) return undefined
    old.manifests.forEach((stored, i) => replaced.set(stored, part.manifests[i] ?? stored))
    old.hooks.forEach((stored, i) => replaced.set(stored, part.hooks[i] ?? stored))
  }
  return replaced
}

function sameKinds(a: readonly Stored[], b: readonly Stored[]): boolean {
  return a.length === b.length && a.every(({ kind }, i) => kind === b[i]?.kind)
}

function swapped<T extends Stored>(all: readonly T[], replaced: ReadonlyMap<Stored, Stored>): readonly T[] {
  return replaced.size === 0 ? all : all.map((stored) => (replaced.get(stored) ?? stored) as T)
}
