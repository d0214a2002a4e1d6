/** Exponential back-off: how long to wait before try number `failures + 1`. */
export interface BackoffOptions {
  /** Milliseconds after the first failure. */
  readonly initial: number
  /** Upper bound in milliseconds. */
  readonly max: number
  /** Growth per failure; 2 by default. */
  readonly factor?: number
}

/** Milliseconds to wait after `failures` failures in a row (1 or more). */
export function backoff(failures: number, { initial, max, factor = 2 }: BackoffOptions): number {
  return Math.min(max, initial * factor ** Math.max(0, failures - 1))
}
