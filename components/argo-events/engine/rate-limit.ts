import type { Clock } from '@idp/kit'
import type { Trigger } from '../kinds/events.ts'

const spans = { Second: 1000, Minute: 60_000, Hour: 3_600_000 } as const

/** Says whether one more is allowed now, and counts it. Without a limit everything is. */
export function createRateLimit(limit: Trigger['rateLimit'], clock: Clock): () => boolean {
  const times: number[] = []
  return () => {
    if (limit?.requestsPerUnit === undefined) return true
    const since = clock.now() - spans[limit.unit ?? 'Second']
    while ((times[0] ?? Infinity) <= since) times.shift()
    if (times.length >= limit.requestsPerUnit) return false
    times.push(clock.now())
    return true
  }
}
