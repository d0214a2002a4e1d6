import { uuid, type Clock, type Random } from '@idp/kit'
import type { MountEntry } from './mounts.ts'

/** A CloudEvent as `sys/events/subscribe` sends it. */
export interface VaultEvent {
  readonly id: string
  readonly source: string
  readonly specversion: '1.0'
  readonly type: '*'
  readonly data: {
    readonly event: { readonly id: string; readonly metadata: Readonly<Record<string, string>> }
    readonly event_type: string
    readonly plugin_info: { readonly mount_class: string; readonly mount_accessor: string; readonly mount_path: string; readonly plugin: string; readonly version?: string }
  }
  readonly datacontentype: 'application/cloudevents'
  readonly time: string
}

export interface EventBus {
  publish(entry: MountEntry, type: string, metadata: Readonly<Record<string, string>>): void
  /** Events are delivered after the write they tell of is durable. */
  deliver(): void
  subscribe(pattern: string, receive: (event: VaultEvent) => void): Disposable
}

/** @param pattern of a subscription: an event type with `*` standing for any characters */
export function createEventBus(clock: Clock, random: Random): EventBus {
  const subscribers = new Map<symbol, { readonly matches: RegExp; readonly receive: (event: VaultEvent) => void }>()
  let waiting: VaultEvent[] = []
  return {
    publish(entry, type, metadata) {
      if (subscribers.size === 0) return
      const id = uuid(random)
      waiting.push({
        id, source: 'vault://vault', specversion: '1.0', type: '*',
        data: {
          event: { id, metadata }, event_type: type,
          plugin_info: { mount_class: entry.table === 'auth' ? 'auth' : 'secret', mount_accessor: entry.accessor, mount_path: entry.table === 'auth' ? `auth/${entry.path}` : entry.path, plugin: entry.type, ...(entry.options?.['version'] === undefined ? {} : { version: entry.options['version'] }) },
        },
        datacontentype: 'application/cloudevents', time: new Date(clock.now()).toISOString(),
      })
    },
    deliver() {
      const events = waiting
      waiting = []
      for (const event of events) for (const { matches, receive } of subscribers.values()) if (matches.test(event.data.event_type)) receive(event)
    },
    subscribe(pattern, receive) {
      const id = Symbol(pattern)
      const source = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`)).join('.*')
      subscribers.set(id, { matches: new RegExp(`^${source}$`), receive })
      return { [Symbol.dispose]: () => void subscribers.delete(id) }
    },
  }
}
