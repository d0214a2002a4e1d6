/** A value that is there, or will be. Rules that ask nobody else are decided without a turn of the event loop. */
export type MaybePromise<T> = T | Promise<T>

/** `then` without waiting for what is there already. */
export function chain<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** Calls `step` for 0, 1, … one after the other until it gives a value. */
export function firstResult<T>(count: number, step: (index: number) => MaybePromise<T | undefined>, from = 0): MaybePromise<T | undefined> {
  for (let index = from; index < count; index++) {
    const result = step(index)
    if (result instanceof Promise) return result.then((value) => (value === undefined ? firstResult(count, step, index + 1) : value))
    if (result !== undefined) return result
  }
  return undefined
}
