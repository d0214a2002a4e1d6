import { createSecretKey, type KeyObject } from 'node:crypto'
import type { Random } from '@idp/kit'
import { prefixRange, type Entry, type Store, type Write } from '@idp/store'
import { open, seal, type Keyring } from './keyring.ts'
import type { Storage } from './storage.ts'

/** Entries of the barrier; keys and what else is needed before it opens lie under `core/`, out of its reach. */
const dataPrefix = 'data/'
/** Entries held in memory as the values they are, and the longest one (in characters). */
const mostCached = 4096
const longestCached = 16_384

/** The encrypted storage of an unsealed Vault. */
export interface Barrier extends Storage {
  readonly keyring: Keyring
  /** From now on entries are written with the newest key of this keyring. */
  setKeyring(keyring: Keyring): void
  /** Everything written so far is durable when it resolves, what one request wrote in one commit. Rejects for good once the disk refused: what is in memory is then ahead of it. */
  flush(): Promise<void>
  /** Opaque text under the barrier's key (batch tokens). */
  encrypt(plain: Uint8Array, context: string): Buffer
  decrypt(sealed: Uint8Array, context: string): Buffer
}

export interface BarrierOptions {
  readonly store: Store
  readonly keyring: Keyring
  readonly random: Random
}

/**
 * Entries are `term (4 bytes) | nonce | ciphertext | tag`, their path authenticated. Paths are not encrypted.
 * Writes collect in memory, where reads see them, until `flush` commits them.
 */
export function createBarrier({ store, random, ...options }: BarrierOptions): Barrier {
  let keyring = options.keyring
  let keys = keyBytes(keyring)
  /** Written, but not yet in the store: undefined is a deletion. */
  const pending = new Map<string, { readonly json: string | undefined }>()
  let batch = new Map<string, string | undefined>()
  const cache = new Map<string, Cached>()
  let committed: Promise<unknown> = Promise.resolve()

  function encrypt(plain: Uint8Array, context: string): Buffer {
    const term = Buffer.alloc(4)
    term.writeUInt32BE(keyring.term)
    return Buffer.concat([term, seal(keyOf(keyring.term), plain, context, random)])
  }
  function decrypt(sealed: Uint8Array, context: string): Buffer {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
    return open(keyOf(bytes.readUInt32BE(0)), bytes.subarray(4), context)
  }
  /** Most reads are of few entries (tokens, mounts, hot secrets); decrypting and parsing is most of their cost. */
  function opened(key: string, { value, revision }: Entry): unknown {
    const known = cache.get(key)
    if (known?.revision === revision) return known.value ??= frozen(JSON.parse(known.json))
    const json = decrypt(value, key).toString()
    const parsed = frozen(JSON.parse(json))
    remember(key, { revision, json, value: parsed })
    return parsed
  }
  function remember(key: string, entry: Cached): void {
    if (cache.size >= mostCached) cache.clear()
    if (entry.json.length <= longestCached) cache.set(key, entry)
  }
  function keyOf(term: number): KeyObject {
    return keys.get(term) ?? noKey
  }
  function keysBelow(prefix: string): string[] {
    const range = prefixRange(dataPrefix + prefix)
    const found = new Set(store.list(range).entries.map((entry) => entry.key.slice(dataPrefix.length)))
    for (const [key, { json }] of pending) {
      if (!key.startsWith(prefix)) continue
      if (json === undefined) found.delete(key)
      else found.add(key)
    }
    return [...found].map((key) => key.slice(prefix.length)).sort()
  }
  return {
    get keyring() { return keyring },
    setKeyring(next) {
      keyring = next
      keys = keyBytes(next)
    },
    encrypt, decrypt,
    get<T>(key: string): T | undefined {
      const waiting = pending.get(key)
      if (waiting !== undefined) return waiting.json === undefined ? undefined : JSON.parse(waiting.json) as T
      const entry = store.get(dataPrefix + key)
      return entry === undefined ? undefined : opened(key, entry) as T
    },
    keys: keysBelow,
    list(prefix) {
      const names = new Set<string>()
      for (const key of keysBelow(prefix)) names.add(key.includes('/') ? key.slice(0, key.indexOf('/') + 1) : key)
      return [...names].sort()
    },
    put(key, value) {
      const json = JSON.stringify(value)
      batch.set(key, json)
      pending.set(key, { json })
    },
    delete(key) {
      batch.set(key, undefined)
      pending.set(key, { json: undefined })
    },
    async flush() {
      if (batch.size === 0) return void await committed
      const writes: Write[] = []
      const marks = new Map<string, { readonly json: string | undefined } | undefined>()
      for (const [key, json] of batch) {
        marks.set(key, pending.get(key))
        writes.push(json === undefined ? { delete: dataPrefix + key } : { put: dataPrefix + key, value: encrypt(Buffer.from(json), key) })
      }
      batch = new Map()
      const commit = store.commit(writes)
      committed = Promise.all([committed, commit])
      await committed
      const revision = await commit
      for (const [key, mark] of marks) {
        if (pending.get(key) === mark) pending.delete(key)
        if (mark?.json !== undefined) remember(key, { revision, json: mark.json, value: undefined })
      }
    },
  }
}

/** As key objects: with plain bytes each use costs three times as much. */
function keyBytes(keyring: Keyring): Map<number, KeyObject> {
  return new Map(Object.entries(keyring.keys).map(([term, { key }]) => [Number(term), createSecretKey(Buffer.from(key, 'base64'))]))
}

/** Opens nothing. */
const noKey = createSecretKey(Buffer.alloc(32))

/** An entry as it is in the store at a revision; its value is parsed when it is first asked for. */
interface Cached { readonly revision: number; readonly json: string; value: unknown }

/** Everybody who reads an entry is handed the same value. */
function frozen(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  for (const each of Object.values(value)) frozen(each)
  return Object.freeze(value)
}
