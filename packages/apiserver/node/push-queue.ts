/** Values pushed by one side and iterated by the other, in order. */
export interface PushQueue<T> extends AsyncIterable<T> {
  push(value: T): void
  end(): void
}

export function pushQueue<T>(): PushQueue<T> {
  const waiting: T[] = []
  let ended = false
  let wake = () => {}
  return {
    push(value) {
      if (ended) return
      waiting.push(value)
      wake()
    },
    end() {
      ended = true
      wake()
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        while (waiting.length > 0) yield waiting.shift() as T
        if (ended) return
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
  }
}
