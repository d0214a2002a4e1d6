import type { RetryStrategy } from '../../kinds/application.ts'
import { parseDuration } from '../duration.ts'

/** Milliseconds to wait before retry number `attempt` (1 is the first). 5 s, doubling, 3 minutes at most unless said otherwise. */
export function retryDelay(retry: RetryStrategy | undefined, attempt: number): number {
  const initial = parseDuration(retry?.backoff?.duration) ?? 5_000
  const max = parseDuration(retry?.backoff?.maxDuration) ?? 180_000
  return Math.min(max, initial * (retry?.backoff?.factor ?? 2) ** Math.max(0, attempt - 1))
}

/** True while another attempt is allowed; a negative limit means always. */
export function mayRetry(retry: RetryStrategy | undefined, attemptsDone: number): boolean {
  const limit = retry?.limit ?? 0
  return limit < 0 || attemptsDone < limit
}
