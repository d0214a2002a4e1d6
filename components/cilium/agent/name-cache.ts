import type { Clock } from '@idp/kit'

/** Names that endpoints were told addresses for by the DNS proxy: what toFQDNs is matched by. */
export interface NameCache {
  learn(name: string, addresses: readonly string[]): void
  namesOf(address: string): readonly string[]
}

/** An answer of the machine's resolver has no time to live here; it counts for an hour, as long as upstream keeps names by default at least. */
const keptMs = 3_600_000
const mostAddresses = 5_000

export function createNameCache(clock: Pick<Clock, 'now'>): NameCache {
  const byAddress = new Map<string, Map<string, number>>()
  return {
    learn(name, addresses) {
      for (const address of addresses) {
        const names = byAddress.get(address) ?? new Map<string, number>()
        byAddress.delete(address) // the oldest stands first
        byAddress.set(address, names.set(name, clock.now() + keptMs))
        const [oldest] = byAddress.keys()
        if (byAddress.size > mostAddresses && oldest !== undefined) byAddress.delete(oldest)
      }
    },
    namesOf(address) {
      const names = byAddress.get(address)
      if (names === undefined) return []
      const now = clock.now()
      return [...names].filter(([, until]) => until > now).map(([name]) => name)
    },
  }
}
