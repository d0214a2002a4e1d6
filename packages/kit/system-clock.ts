import type { Clock } from './clock.ts'

/** setTimeout counts in 31 bits; longer waits are cut into pieces. */
const longestTimeout = 2 ** 31 - 1

/** The machine's clock. The only file of the product that touches timers and the wall clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  timer(ms, run) {
    const due = performance.now() + ms
    let handle: NodeJS.Timeout
    const arm = (left: number) => {
      handle = setTimeout(() => {
        const rest = due - performance.now()
        if (rest > 1) arm(rest)
        else run()
      }, Math.min(Math.max(left, 0), longestTimeout))
      handle.unref()
    }
    arm(ms)
    return { [Symbol.dispose]: () => clearTimeout(handle) }
  },
}
