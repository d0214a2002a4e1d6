import { deepEqual } from './deep-equal.ts'
import type { Json } from './kube-object.ts'

interface Orders {
  readonly patchOrder: readonly Json[]
  readonly serverOrder: readonly Json[]
  readonly mergeKey: string | undefined
}

/**
 * The order of a merged list: elements that the patch names stand in the patch's order, the others in the server's; the two rows
 * are zipped so that a server element comes before a patch element only where the server's list had both in that order.
 */
export function orderLike(merged: readonly Json[], { patchOrder, serverOrder, mergeKey }: Orders): Json[] {
  const place = (list: readonly Json[], item: Json): number => list.findIndex((other) => deepEqual(identity(other, mergeKey), identity(item, mergeKey)))
  const named = merged.map((item) => ({ item, patch: place(patchOrder, item), server: place(serverOrder, item) }))
  const left = named.filter(({ patch }) => patch < 0).sort((a, b) => a.server - b.server)
  const right = named.filter(({ patch }) => patch >= 0).sort((a, b) => a.patch - b.patch)
  const result: Json[] = []
  let [i, j] = [0, 0]
  while (i < left.length || j < right.length) {
    const a = left[i]
    const b = right[j]
    const takeLeft = b === undefined || (a !== undefined && a.server >= 0 && b.server >= 0 && a.server < b.server)
    const taken = takeLeft ? a : b
    if (taken !== undefined) result.push(taken.item)
    if (takeLeft) i++
    else j++
  }
  return result
}

function identity(item: Json, mergeKey: string | undefined): Json | undefined {
  return mergeKey !== undefined && typeof item === 'object' && item !== null && !Array.isArray(item) ? item[mergeKey] : item
}
