import { isCoded, messageOf, uuid, type Clock, type Log, type Random } from '@idp/kit'
import type { Store } from '@idp/store'
import type { Route } from '../backend.ts'
import { createBarrier } from '../storage/barrier.ts'
import { isSealed, VaultError, badRequest } from '../vault-error.ts'
import type { Active, Surroundings } from './active.ts'
import { createActive } from './create-active.ts'
import { factories } from './factories.ts'
import { createSeal, type KeyFile, type Seal } from './seal.ts'

export const vaultVersion = '1.20.4'
export const buildDate = '2025-09-23T13:22:38Z'

export interface VaultOptions {
  readonly store: Store
  readonly storageType: string
  readonly sealType: 'shamir' | 'idp-keyfile'
  readonly keyFile?: KeyFile
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly surroundings: Surroundings
  /** Lifetimes of the system, in seconds. */
  readonly defaults: { readonly default: number; readonly max: number }
  /** Paths below `sys/` that need the server. */
  readonly lifeRoutes: (vault: Vault, active: Active) => readonly Route[]
}

/** A Vault through all its states: not initialised, sealed, unsealed. */
export interface Vault extends AsyncDisposable {
  readonly options: VaultOptions
  readonly keys: Seal
  /** Absent while sealed. */
  readonly active: Active | undefined
  /** @throws VaultError 503 */
  opened(): Active
  /** Shares given so far to the running attempt to unseal. */
  readonly progress: { readonly nonce: string; readonly count: number }
  initialize(shares: number, threshold: number): Promise<{ readonly keys: readonly Uint8Array[]; readonly rootToken: string }>
  /** One share of the unseal key. @throws VaultError 400 */
  unseal(share: Uint8Array): Promise<void>
  resetUnseal(): void
  /** Unseals by the key file, where the configuration has that seal. */
  autoUnseal(): Promise<boolean>
  seal(reason: string): void
  /** After the storage was replaced: unseals again where the key at hand fits it, else stays sealed. */
  reopen(rootKey: Uint8Array): Promise<void>
}

export function createVault(options: VaultOptions): Vault {
  const { store, clock, random, log } = options
  const keys = createSeal({ store, type: options.sealType, clock, random, ...(options.keyFile === undefined ? {} : { keyFile: options.keyFile }) })
  let active: (Active & Disposable) | undefined
  let shares: Uint8Array[] = []
  let nonce = ''

  async function start(rootKey: Uint8Array): Promise<Active> {
    const barrier = createBarrier({ store, random, keyring: keys.keyringOf(rootKey) })
    const made = createActive({ barrier, clock, random, log, surroundings: options.surroundings, defaults: options.defaults, factories: factories((current) => options.lifeRoutes(vault, current)) })
    await barrier.flush()
    active = made
    log.info('vault is unsealed')
    return made
  }
  const vault: Vault = {
    options, keys,
    get active() { return active },
    opened() {
      if (active === undefined) throw isSealed()
      return active
    },
    get progress() { return { nonce, count: shares.length } },
    async initialize(count, threshold) {
      if (keys.config() !== undefined) throw badRequest('Vault is already initialized')
      const made = await keys.initialize(count, threshold)
      const started = await start(made.rootKey)
      const root = started.tokens.create({ policies: ['root'], path: 'auth/token/root', ttl: 0, displayName: 'root', renewable: false })
      await started.barrier.flush()
      log.info('vault is initialised', { shares: count, threshold, seal: options.sealType })
      if (options.sealType === 'shamir') vault.seal('it was just initialised')
      return { keys: made.keys, rootToken: root.id }
    },
    async unseal(share) {
      const config = keys.config()
      if (config === undefined) throw badRequest('Vault is not initialized')
      if (active !== undefined) return
      if (share.length < 16) throw badRequest(`key is shorter than minimum 16 bytes`)
      if (share.length > 33) throw badRequest(`key is longer than maximum 33 bytes`)
      if (!shares.some((known) => Buffer.from(known).equals(share))) shares.push(share)
      if (nonce === '') nonce = uuid(random)
      if (shares.length < config.threshold) return
      const given = shares
      vault.resetUnseal()
      const rootKey = await keys.rootKeyOf(given)
      if (rootKey === undefined) throw badRequest('unseal failed, invalid key')
      await keys.adopt(rootKey)
      if (active === undefined) await start(rootKey)
    },
    resetUnseal() {
      shares = []
      nonce = ''
    },
    async autoUnseal() {
      if (keys.config() === undefined || active !== undefined) return active !== undefined
      const rootKey = await keys.rootKeyOfFile()
      if (rootKey === undefined) return false
      await start(rootKey)
      return true
    },
    seal(reason) {
      if (active === undefined) return
      active[Symbol.dispose]()
      active = undefined
      log.info('vault is sealed', { reason })
    },
    async reopen(rootKey) {
      vault.seal('the storage was replaced')
      try {
        await start(rootKey)
      } catch (error) {
        if (!isCoded(error, 'DecryptionFailed')) throw error
        log.warn('the storage belongs to other keys: unseal with the shares of its initialisation')
      }
    },
    async [Symbol.asyncDispose]() {
      vault.seal('the server ends')
    },
  }
  return vault
}

/** What a request failed with, as the API words it; a storage that fails seals Vault, since memory is then ahead of the disk. */
export function asVaultError(error: unknown, vault: Vault): VaultError {
  if (error instanceof VaultError) return error
  if (isCoded(error, 'InvalidCertificate', 'InvalidCsr', 'InvalidKey', 'InvalidKeySize', 'InvalidName')) return badRequest(error.message)
  if (isCoded(error, 'StorageFull', 'StorageFailed', 'StoreClosed')) vault.seal(`the storage failed: ${error.message}`)
  vault.options.log.error('a request failed', { error: messageOf(error) })
  return new VaultError(500, 'internal error')
}
