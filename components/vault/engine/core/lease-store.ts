import type { Clock, Random } from '@idp/kit'
import { base62 } from '../random-text.ts'
import { storageView, type Storage } from '../storage/storage.ts'

/** A secret that ends. Milliseconds since the epoch for moments, seconds for lifetimes. */
export interface Lease {
  /** e.g. `pki/issue/web/Zq…`. */
  readonly id: string
  readonly mount: string
  /** Hash of the token that asked. */
  readonly token: string
  readonly internal: Readonly<Record<string, unknown>>
  readonly issued: number
  readonly expires: number
  readonly renewed: number
  readonly ttl: number
  readonly maxTtl: number
  readonly renewable: boolean
}

export interface LeaseStore extends Disposable {
  register(lease: Omit<Lease, 'id' | 'issued' | 'expires' | 'renewed'>, path: string): Lease
  find(id: string): Lease | undefined
  list(prefix: string): string[]
  below(prefix: string): Lease[]
  update(lease: Lease): void
  revoke(lease: Lease): void
  revokeOf(tokenHash: string): void
  readonly count: number
}

/** @param end what the backend of the lease's mount does at its end */
export function createLeaseStore({ storage: whole, clock, random, end, flush }: { readonly storage: Storage; readonly clock: Clock; readonly random: Random; readonly end: (lease: Lease) => void; readonly flush: () => void }): LeaseStore {
  const storage = storageView(whole, 'lease/')
  const timers = new Map<string, Disposable>()
  const find = (id: string): Lease | undefined => storage.get<Lease>(`id/${id}`)
  function arm(lease: Lease): void {
    timers.get(lease.id)?.[Symbol.dispose]()
    timers.set(lease.id, clock.timer(Math.max(0, lease.expires - clock.now()), () => {
      const current = find(lease.id)
      if (current !== undefined && current.expires <= clock.now()) revoke(current)
      flush()
    }))
  }
  function revoke(lease: Lease): void {
    timers.get(lease.id)?.[Symbol.dispose]()
    timers.delete(lease.id)
    storage.delete(`id/${lease.id}`)
    storage.delete(`token/${lease.token}/${lease.id}`)
    end(lease)
  }
  function save(lease: Lease): void {
    storage.put(`id/${lease.id}`, lease)
    storage.put(`token/${lease.token}/${lease.id}`, 1)
    arm(lease)
  }
  const below = (prefix: string): Lease[] => storage.keys(`id/${prefix}`).flatMap((rest) => find(prefix + rest) ?? [])
  for (const lease of below('')) arm(lease)
  return {
    register(given, path) {
      const now = clock.now()
      const lease: Lease = { ...given, id: `${path}/${base62(random, 24)}`, issued: now, expires: now + given.ttl * 1000, renewed: 0 }
      save(lease)
      return lease
    },
    find,
    list: (prefix) => storage.list(`id/${prefix}`),
    below, update: save, revoke,
    revokeOf(tokenHash) {
      for (const id of storage.keys(`token/${tokenHash}/`)) {
        const lease = find(id)
        if (lease !== undefined) revoke(lease)
      }
    },
    get count() { return timers.size },
    [Symbol.dispose]() {
      for (const timer of timers.values()) timer[Symbol.dispose]()
      timers.clear()
    },
  }
}
