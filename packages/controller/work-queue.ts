import { backoff, type BackoffOptions, type Clock } from '@idp/kit'

/**
 * A queue of keys for `concurrency` workers. A key waits at most once; a key added while it is worked on runs again afterwards,
 * never at the same time. Added in order, taken in order.
 */
export interface WorkQueue {
  add(key: string): void
  /** Adds the key after `ms`; of several delays for one key the earliest counts. */
  addAfter(key: string, ms: number): void
  /** Adds the key after its next back-off. */
  addRateLimited(key: string): void
  /** Ends the back-off of a key: it went well. */
  forget(key: string): void
  /** Failures in a row. */
  failures(key: string): number
  /** True when nothing waits to run now and nothing runs; delayed keys do not count. */
  readonly idle: boolean
  /** Milliseconds since the epoch at which the next delayed key is due; undefined when there is none. */
  readonly nextDue: number | undefined
  /** Takes nothing more; what runs may end. */
  stop(): void
}

export interface WorkQueueOptions {
  readonly clock: Clock
  readonly concurrency: number
  /** 5 ms to 60 s by default. */
  readonly backoff?: BackoffOptions
  /** Works on one key; must not reject. */
  readonly work: (key: string) => Promise<void>
}

export function createWorkQueue({ clock, concurrency, work, backoff: limits = { initial: 5, max: 60_000 } }: WorkQueueOptions): WorkQueue {
  const waiting = new Set<string>()
  const running = new Set<string>()
  const again = new Set<string>()
  const failed = new Map<string, number>()
  const delayed = createDelays(clock, (key) => add(key))
  let stopped = false
  let scheduled = false

  /** Starts work in a microtask, so that a burst of changes of one tick is one pass. */
  const wake = () => {
    if (scheduled || stopped) return
    scheduled = true
    queueMicrotask(() => {
      scheduled = false
      pump()
    })
  }
  const pump = () => {
    for (const key of waiting) {
      if (stopped || running.size >= concurrency) return
      waiting.delete(key)
      running.add(key)
      void work(key).finally(() => {
        running.delete(key)
        if (again.delete(key)) waiting.add(key)
        wake()
      })
    }
  }
  const add = (key: string) => {
    if (stopped) return
    if (running.has(key)) again.add(key)
    else waiting.add(key)
    wake()
  }
  return {
    add,
    addAfter: (key, ms) => (stopped ? undefined : ms <= 0 ? add(key) : delayed.add(key, clock.now() + ms)),
    addRateLimited(key) {
      const count = (failed.get(key) ?? 0) + 1
      failed.set(key, count)
      if (!stopped) delayed.add(key, clock.now() + backoff(count, limits))
    },
    forget: (key) => void failed.delete(key),
    failures: (key) => failed.get(key) ?? 0,
    get idle() { return waiting.size === 0 && running.size === 0 },
    get nextDue() { return delayed.nextDue },
    stop() {
      stopped = true
      waiting.clear()
      delayed.stop()
    },
  }
}

interface Delays { add(key: string, due: number): void; stop(): void; readonly nextDue: number | undefined }

/** Keys that come back later, with one timer for all of them. */
function createDelays(clock: Clock, release: (key: string) => void): Delays {
  const due = new Map<string, number>()
  let timer: Disposable | undefined
  let timerDue = Infinity
  const earliest = () => due.values().reduce((least, at) => Math.min(least, at), Infinity)
  const arm = (at: number) => {
    timer?.[Symbol.dispose]()
    timerDue = at
    timer = at === Infinity ? undefined : clock.timer(Math.max(0, at - clock.now()), fire)
  }
  const fire = () => {
    const now = clock.now()
    for (const [key, at] of due) {
      // A timer may ring a little early against the wall clock; the next one is armed for the rest.
      if (at > now) continue
      due.delete(key)
      release(key)
    }
    arm(earliest())
  }
  return {
    add(key, at) {
      if (at >= (due.get(key) ?? Infinity)) return
      due.set(key, at)
      if (at < timerDue) arm(at)
    },
    get nextDue() { return due.size === 0 ? undefined : earliest() },
    stop() {
      due.clear()
      arm(Infinity)
    },
  }
}
