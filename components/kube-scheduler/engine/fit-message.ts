import type { Misfit } from './plugin.ts'

/** `0/3 nodes are available: 1 node(s) had untolerated taint {a: b}, 2 Insufficient cpu.` Reasons are counted and sorted. */
export function fitMessage(nodes: number, misfits: ReadonlyMap<string, Misfit>, nowhere: Misfit | undefined): string {
  if (nodes === 0) return 'no nodes available to schedule pods'
  if (nowhere !== undefined) return `0/${nodes} nodes are available: ${nowhere.reasons.join(', ')}.`
  return `0/${nodes} nodes are available: ${countReasons([...misfits.values()].flatMap(({ reasons }) => reasons))}.`
}

/** Each reason with how often it occurs, sorted as text. */
export function countReasons(reasons: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return [...counts].map(([reason, count]) => `${count} ${reason}`).sort().join(', ')
}
