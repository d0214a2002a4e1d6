import { intOrPercent } from './int-or-percent.ts'

/** What the plan needs to know of a ReplicaSet. `size` is `spec.replicas`. */
export interface SetSize { readonly size: number; readonly available: number }

export interface Limits { readonly maxSurge: number; readonly maxUnavailable: number }

/** The two limits as numbers. Both zero would never move: one pod may then be unavailable. */
export function rollingLimits(replicas: number, surge: number | string | undefined, unavailable: number | string | undefined): Limits {
  const maxSurge = intOrPercent(surge, replicas, 'up')
  const maxUnavailable = Math.min(intOrPercent(unavailable, replicas, 'down'), Math.max(replicas, 1))
  return maxSurge === 0 && maxUnavailable === 0 ? { maxSurge, maxUnavailable: 1 } : { maxSurge, maxUnavailable }
}

const total = (sets: readonly SetSize[], part: keyof SetSize) => sets.reduce((sum, set) => sum + set[part], 0)

/** The size the new set may grow (or must shrink) to now. */
export function newSetSize(replicas: number, newSet: SetSize, oldSets: readonly SetSize[], limits: Limits): number {
  if (newSet.size >= replicas) return replicas
  const all = total(oldSets, 'size') + newSet.size
  const room = replicas + limits.maxSurge - all
  return room <= 0 ? newSet.size : newSet.size + Math.min(room, replicas - newSet.size)
}

/**
 * The sizes of the old sets (oldest first) after one step. Pods that are not available go first, since nobody misses them; then
 * available ones, as long as `replicas - maxUnavailable` remain.
 */
export function oldSetSizes(replicas: number, newSet: SetSize, oldSets: readonly SetSize[], limits: Limits): number[] {
  const minAvailable = replicas - limits.maxUnavailable
  const sizes = oldSets.map((set) => set.size)
  const newUnavailable = newSet.size - newSet.available
  let cleanup = total(oldSets, 'size') + newSet.size - minAvailable - newUnavailable
  if (cleanup <= 0) return sizes
  for (const [i, set] of oldSets.entries()) {
    const removed = Math.min(cleanup, Math.max(0, set.size - set.available))
    sizes[i] = set.size - removed
    cleanup -= removed
  }
  let spare = total(oldSets, 'available') + newSet.available - minAvailable
  for (const [i, size] of sizes.entries()) {
    const removed = Math.max(0, Math.min(spare, size))
    sizes[i] = size - removed
    spare -= removed
  }
  return sizes
}

export interface ProportionalSet {
  readonly size: number
  /** Milliseconds since the epoch; decides between sets of one size. */
  readonly created: number
  /** The total its size was chosen for: the deployment's replicas and surge at that time. */
  readonly sizedFor: number
}

/** Spreads a change of `replicas` in the middle of a rollout over the active sets in proportion to their sizes. */
export function proportionalSizes(replicas: number, sets: readonly ProportionalSet[], maxSurge: number): number[] {
  const allowed = replicas > 0 ? replicas + maxSurge : 0
  const change = allowed - sets.reduce((sum, set) => sum + set.size, 0)
  const sizes = sets.map((set) => set.size)
  if (change === 0) return sizes
  const order = sets.map((_, i) => i).sort((a, b) => compareBySize(sets, a, b, change > 0))
  let left = change
  for (const i of order) {
    const { size, sizedFor } = sets[i] ?? { size: 0, sizedFor: 1 }
    if (size === 0 || left === 0) continue
    const share = replicas === 0 ? -size : Math.round((size * allowed) / Math.max(1, sizedFor)) - size
    const step = change > 0 ? Math.min(Math.max(share, 0), left) : Math.max(Math.min(share, 0), left)
    sizes[i] = size + step
    left -= step
  }
  // What rounding left over goes to the first.
  const [first] = order
  if (first !== undefined && left !== 0) sizes[first] = Math.max(0, (sizes[first] ?? 0) + left)
  return sizes
}

/** Largest first; among equals the newest first when growing, the oldest first when shrinking. */
function compareBySize(sets: readonly ProportionalSet[], a: number, b: number, growing: boolean): number {
  const left = sets[a]
  const right = sets[b]
  if (left === undefined || right === undefined) return 0
  if (left.size !== right.size) return right.size - left.size
  return growing ? right.created - left.created : left.created - right.created
}
