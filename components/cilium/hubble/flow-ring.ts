import type { Flow } from './flow.ts'

/** Flows of one node: the last ones, as many as it holds. */
export interface FlowRing {
  readonly capacity: number
  readonly size: number
  /** All that were ever put in. */
  readonly seen: number
  add(flow: Flow): void
  /** Oldest first. */
  all(): Generator<Flow>
  /** Newest first. */
  backwards(): Generator<Flow>
  /** Calls `listener` with each flow from now on. */
  follow(listener: (flow: Flow) => void): Disposable
}

/** Upstream's default; it allows powers of two less one. */
export const defaultCapacity = 4_095

/** Grows as it fills, up to its capacity. */
export function createFlowRing(capacity = defaultCapacity): FlowRing {
  const flows: Flow[] = []
  const listeners = new Set<(flow: Flow) => void>()
  let seen = 0
  /** Where the oldest is, once it is full. */
  let start = 0
  const at = (i: number): Flow => flows[(start + i) % flows.length] as Flow // i is below the size
  return {
    capacity,
    get size() { return flows.length },
    get seen() { return seen },
    add(flow) {
      seen++
      if (flows.length < capacity) flows.push(flow)
      else {
        flows[start] = flow
        start = (start + 1) % capacity
      }
      for (const listener of listeners) listener(flow)
    },
    * all() {
      for (let i = 0; i < flows.length; i++) yield at(i)
    },
    * backwards() {
      for (let i = flows.length - 1; i >= 0; i--) yield at(i)
    },
    follow(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
  }
}
