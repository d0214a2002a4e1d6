import type { CloudEvent } from '../kinds/events.ts'

export interface Stored { readonly sequence: number; readonly event: CloudEvent }

/** The messages of a bus in memory, and how far each consumer has read. */
export interface EventLog {
  append(event: CloudEvent): number
  /** What a consumer has not acknowledged. A consumer that is not known begins with what comes next. */
  after(consumer: string): readonly Stored[]
  acknowledge(consumer: string, sequence: number): void
  /** Calls back once, at the next message. */
  onNext(listener: () => void): Disposable
  readonly size: number
}

/** @param limit messages that are kept; the oldest go first */
export function createEventLog(limit: number): EventLog {
  const messages: Stored[] = []
  const positions = new Map<string, number>()
  const listeners = new Set<() => void>()
  let last = 0
  return {
    append(event) {
      messages.push({ sequence: ++last, event })
      if (messages.length > limit) messages.shift()
      const waiting = [...listeners]
      listeners.clear()
      for (const listener of waiting) listener()
      return last
    },
    after(consumer) {
      const position = positions.get(consumer) ?? last
      positions.set(consumer, position)
      return messages.filter(({ sequence }) => sequence > position)
    },
    acknowledge: (consumer, sequence) => void positions.set(consumer, Math.max(sequence, positions.get(consumer) ?? 0)),
    onNext(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    get size() { return messages.length },
  }
}
