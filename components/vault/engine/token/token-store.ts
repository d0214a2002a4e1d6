import { createHmac, createSecretKey } from 'node:crypto'
import type { Clock, Random } from '@idp/kit'
import { base62 } from '../random-text.ts'
import type { Barrier } from '../storage/barrier.ts'
import { storageView } from '../storage/storage.ts'
import { badRequest } from '../vault-error.ts'
import { isExpired, type TokenEntry } from './token-entry.ts'

export type NewToken = Partial<Omit<TokenEntry, 'created' | 'accessor' | 'expires' | 'renewed'>> & Pick<TokenEntry, 'policies' | 'path'> & { readonly ttl: number }

/** All tokens of an unsealed Vault. Expiry is exact: an expired token is not found, whether its timer has run or not. */
export interface TokenStore extends Disposable {
  create(token: NewToken): TokenEntry
  find(id: string): TokenEntry | undefined
  byAccessor(accessor: string): TokenEntry | undefined
  byHash(hash: string): TokenEntry | undefined
  accessors(): string[]
  all(): TokenEntry[]
  update(token: TokenEntry): void
  /** With all its children and everything they leased. */
  revoke(token: TokenEntry): void
  /** Its children become orphans. */
  revokeOrphan(token: TokenEntry): void
  hash(id: string): string
  /** Removes indices without token. Says how many. */
  tidy(): number
}

export interface TokenStoreOptions {
  readonly barrier: Barrier
  readonly clock: Clock
  readonly random: Random
  /** Runs before a token vanishes: its leases and its cubbyhole go with it. */
  readonly onRevoke: (token: TokenEntry, hash: string) => void
  /** Makes durable what an expiry wrote. */
  readonly flush: () => void
}

const mostHashes = 1024

export function createTokenStore({ barrier, clock, random, onRevoke, flush }: TokenStoreOptions): TokenStore {
  const store = storageView(barrier, 'token/')
  const salt = store.get<string>('salt') ?? base62(random, 32)
  store.put('salt', salt)
  const timers = new Map<string, Disposable>()
  const saltKey = createSecretKey(Buffer.from(salt))
  /** Hashes of tokens in use: the same few come with every request. */
  const hashes = new Map<string, string>()
  function hash(id: string): string {
    const known = hashes.get(id)
    if (known !== undefined) return known
    const made = createHmac('sha256', saltKey).update(id).digest('hex')
    if (hashes.size >= mostHashes) hashes.clear()
    hashes.set(id, made)
    return made
  }

  function arm(key: string, token: TokenEntry): void {
    timers.get(key)?.[Symbol.dispose]()
    timers.delete(key)
    if (token.expires === 0) return
    timers.set(key, clock.timer(Math.max(0, token.expires - clock.now()), () => {
      const current = byHash(key)
      if (current !== undefined && isExpired(current, clock.now())) revoke(current)
      flush()
    }))
  }
  function byHash(key: string): TokenEntry | undefined {
    return store.get<TokenEntry>(`id/${key}`)
  }
  function remove(token: TokenEntry): void {
    const key = hash(token.id)
    timers.get(key)?.[Symbol.dispose]()
    timers.delete(key)
    store.delete(`id/${key}`)
    store.delete(`accessor/${token.accessor}`)
    if (token.parent !== '') store.delete(`child/${token.parent}/${key}`)
    onRevoke(token, key)
  }
  function revoke(token: TokenEntry): void {
    const waiting = [token]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const key = hash(next.id)
      for (const child of store.list(`child/${key}/`)) {
        const entry = byHash(child)
        if (entry !== undefined) waiting.push(entry)
        store.delete(`child/${key}/${child}`)
      }
      remove(next)
    }
  }
  for (const key of store.list('id/')) {
    const token = byHash(key)
    if (token !== undefined) arm(key, token)
  }
  return {
    create(given) {
      const now = clock.now()
      const type = given.type ?? 'service'
      const made: TokenEntry = {
        accessor: type === 'batch' ? '' : base62(random, 24), parent: '', meta: {}, displayName: 'token', numUses: 0, explicitMaxTtl: 0, period: 0, entityId: '', role: '', boundCidrs: [], renewable: type !== 'batch', internal: {},
        ...given, type, id: given.id ?? (type === 'service' ? `hvs.${base62(random, 24)}` : ''), created: now, expires: given.ttl === 0 ? 0 : now + given.ttl * 1000, renewed: 0,
      }
      if (type === 'batch') {
        const plain = Buffer.from(JSON.stringify({ ...made, id: undefined }))
        return { ...made, id: `hvb.${barrier.encrypt(plain, 'batch-token').toString('base64url')}` }
      }
      const key = hash(made.id)
      if (byHash(key) !== undefined) throw badRequest('cannot create a token with a duplicate ID')
      store.put(`id/${key}`, made)
      store.put(`accessor/${made.accessor}`, key)
      if (made.parent !== '') store.put(`child/${made.parent}/${key}`, 1)
      arm(key, made)
      return made
    },
    find(id) {
      const token = id.startsWith('hvb.') ? readBatch(barrier, id) : byHash(hash(id))
      if (token === undefined || isExpired(token, clock.now())) return undefined
      if (token.type === 'batch' && token.parent !== '' && byHash(token.parent) === undefined) return undefined
      return token
    },
    byAccessor(accessor) {
      const key = store.get<string>(`accessor/${accessor}`)
      const token = key === undefined ? undefined : byHash(key)
      return token === undefined || isExpired(token, clock.now()) ? undefined : token
    },
    byHash,
    accessors: () => store.list('accessor/'),
    all: () => store.list('id/').flatMap((key) => byHash(key) ?? []),
    update(token) {
      const key = hash(token.id)
      store.put(`id/${key}`, token)
      arm(key, token)
    },
    revoke,
    revokeOrphan(token) {
      const key = hash(token.id)
      for (const child of store.list(`child/${key}/`)) {
        const entry = byHash(child)
        if (entry !== undefined) store.put(`id/${child}`, { ...entry, parent: '' })
        store.delete(`child/${key}/${child}`)
      }
      remove(token)
    },
    hash,
    tidy() {
      const lost = store.list('accessor/').filter((accessor) => byHash(store.get<string>(`accessor/${accessor}`) ?? '') === undefined)
      for (const accessor of lost) store.delete(`accessor/${accessor}`)
      return lost.length
    },
    [Symbol.dispose]() {
      for (const timer of timers.values()) timer[Symbol.dispose]()
      timers.clear()
    },
  }
}

/** A batch token carries its own entry, encrypted; nothing of it is stored. */
function readBatch(barrier: Barrier, id: string): TokenEntry | undefined {
  try {
    const entry = JSON.parse(barrier.decrypt(Buffer.from(id.slice(4), 'base64url'), 'batch-token').toString()) as TokenEntry
    return { ...entry, id }
  } catch {
    return undefined // not a token of this Vault: the same as one that does not exist
  }
}
