/** Listener port → port on the proxies. */
export type PortMap = ReadonlyMap<number, number>

const FIRST = 10_000
const LAST = 20_000

/** Gives each listener port a proxy port: the one it has, or the lowest that is free. */
export function allocatePorts(ports: readonly number[], current: PortMap, used: ReadonlySet<number>): PortMap {
  const taken = new Set([...used, ...ports.flatMap((port) => current.get(port) ?? [])])
  const allocated = new Map<number, number>()
  let next = FIRST
  for (const port of ports) {
    const kept = current.get(port)
    if (kept !== undefined && !used.has(kept)) {
      allocated.set(port, kept)
      continue
    }
    while (taken.has(next) && next < LAST) next++
    taken.add(next)
    allocated.set(port, next)
  }
  return allocated
}
