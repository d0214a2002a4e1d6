import type { Clock } from './clock.ts'

/** A clock that only moves when told to. */
export interface FakeClock extends Clock {
  /** Moves time forward by `ms`, running due timers in order; lets promises settle between them. */
  advance(ms: number): Promise<void>
  /** How many timers wait. */
  readonly pending: number
}

interface Timer { due: number; order: number; run: () => void }

/** @param start milliseconds since the epoch at which the clock stands; 2026-01-01T00:00:00Z by default. */
export function fakeClock(start = 1_767_225_600_000): FakeClock {
  let now = start
  let order = 0
  const timers = new Set<Timer>()
  const next = (until: number) => [...timers].filter((t) => t.due <= until).sort((a, b) => a.due - b.due || a.order - b.order)[0]
  return {
    now: () => now,
    timer(ms, run) {
      const timer = { due: now + Math.max(ms, 0), order: order++, run }
      timers.add(timer)
      return { [Symbol.dispose]: () => void timers.delete(timer) }
    },
    async advance(ms) {
      const until = now + ms
      await settle()
      for (let timer = next(until); timer; timer = next(until)) {
        timers.delete(timer)
        now = timer.due
        timer.run()
        await settle()
      }
      now = until
      await settle()
    },
    get pending() {
      return timers.size
    },
  }
}

/** The next turn of the event loop; where there is no `setImmediate`, a timer that is due. */
const nextTurn: (run: () => void) => unknown = globalThis.setImmediate ?? ((run: () => void) => setTimeout(run, 0))

/** Lets everything that is ready run: several rounds of the event loop, since one I/O callback may queue the next. */
async function settle(): Promise<void> {
  for (let round = 0; round < 5; round++) await new Promise<void>((resolve) => void nextTurn(resolve))
}
