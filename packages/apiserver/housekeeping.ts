import { messageOf } from '@idp/kit'
import type { Resource } from './resource.ts'
import type { ServerContext } from './server-context.ts'

const minute = 60_000
/** Upstream's defaults: events live an hour, history is kept for five to ten minutes. */
const eventLife = 60 * minute
const compactEvery = 5 * minute

/** Forgets old Events and old history while the server lives. */
export function startHousekeeping({ storage, clock, log, signal }: ServerContext, events: Resource): void {
  const every = (ms: number, run: () => Promise<void>) => {
    let timer: Disposable
    const again = () => {
      timer = clock.timer(ms, () => {
        run().catch((error: unknown) => log.error('housekeeping failed', { error: messageOf(error) })).finally(() => {
          if (!signal.aborted) again()
        })
      })
    }
    again()
    signal.addEventListener('abort', () => timer[Symbol.dispose](), { once: true })
  }
  let earlier = storage.store.revision
  every(compactEvery, async () => {
    const before = earlier
    earlier = storage.store.revision
    await storage.store.compact(before)
  })
  every(10 * minute, async () => {
    const oldest = clock.now() - eventLife
    for (const event of storage.list(events)) {
      if (Date.parse(lastSeen(event)) > oldest) continue
      const entry = storage.entry(events, { namespace: event.metadata.namespace, name: event.metadata.name ?? '' })
      if (entry !== undefined) await storage.remove(events, entry)
    }
  })
}

function lastSeen(event: { readonly [field: string]: unknown; readonly metadata: { readonly creationTimestamp?: string | null } }): string {
  const { lastTimestamp, eventTime } = event
  return typeof lastTimestamp === 'string' ? lastTimestamp : typeof eventTime === 'string' ? eventTime : event.metadata.creationTimestamp ?? ''
}
