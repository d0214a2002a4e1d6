import { isCoded, uuid, type Clock, type Random } from '@idp/kit'
import type { Store } from '@idp/store'
import { combine, split } from 'shamir-secret-sharing'
import { newKeyring, open, seal, type Keyring } from '../storage/keyring.ts'
import { badRequest } from '../vault-error.ts'

/** A place outside of the storage for the key of the seal `idp-keyfile`; only its user may read it. */
export interface KeyFile {
  read(): Promise<Uint8Array | undefined>
  write(key: Uint8Array): Promise<void>
}

export interface SealConfig { readonly type: 'shamir' | 'idp-keyfile'; readonly shares: number; readonly threshold: number; readonly clusterName: string; readonly clusterId: string }

/** The keys above the barrier: shares give the unseal key, that opens the root key, that opens the keyring. */
export interface Seal {
  config(): SealConfig | undefined
  /** Creates keys and keyring; the shares are returned once and not kept. */
  initialize(shares: number, threshold: number): Promise<{ readonly keys: readonly Uint8Array[]; readonly rootKey: Uint8Array; readonly keyring: Keyring }>
  /** @returns the root key, or undefined when the shares do not fit */
  rootKeyOf(shares: readonly Uint8Array[]): Promise<Uint8Array | undefined>
  /** The root key by the key file, where the seal has one. */
  rootKeyOfFile(): Promise<Uint8Array | undefined>
  keyringOf(rootKey: Uint8Array): Keyring
  saveKeyring(keyring: Keyring): Promise<void>
  /** New shares for the same root key; the old ones open it until these are installed. */
  rekey(rootKey: Uint8Array, shares: number, threshold: number): Promise<{ readonly keys: readonly Uint8Array[]; install(): Promise<void> }>
  /** Lets the key file open this root key too, where the seal has one that does not. */
  adopt(rootKey: Uint8Array): Promise<void>
}

const keys = { config: 'core/seal', root: 'core/root-key', fileRoot: 'core/root-key-by-file', keyring: 'core/keyring' }

/** 33 bytes of a share, or 32 of the key itself where there is one share only, as upstream does it. */
export function checkShares(shares: number, threshold: number): void {
  if (shares < 1) throw badRequest('invalid seal configuration: shares must be at least one')
  if (threshold < 1) throw badRequest('invalid seal configuration: threshold must be at least one')
  if (shares > 1 && threshold === 1) throw badRequest('invalid seal configuration: threshold must be greater than one for multiple shares')
  if (shares > 255 || threshold > 255) throw badRequest('invalid seal configuration: shares and threshold must be at most 255')
  if (threshold > shares) throw badRequest('invalid seal configuration: threshold cannot be larger than shares')
}

export async function splitKey(key: Uint8Array, shares: number, threshold: number): Promise<Uint8Array[]> {
  return shares === 1 ? [Uint8Array.from(key)] : await split(Uint8Array.from(key), shares, threshold)
}

async function combineKey(shares: readonly Uint8Array[]): Promise<Uint8Array | undefined> {
  if (shares.length === 1) return shares[0]
  if (new Set(shares.map((share) => share.length)).size !== 1) return undefined
  try {
    return await combine(shares.map((share) => Uint8Array.from(share)))
  } catch {
    return undefined // shares that cannot belong together
  }
}

export function createSeal({ store, type, keyFile, clock, random }: { readonly store: Store; readonly type: SealConfig['type']; readonly keyFile?: KeyFile; readonly clock: Clock; readonly random: Random }): Seal {
  const read = (key: string): Uint8Array | undefined => store.get(key)?.value
  const config = (): SealConfig | undefined => {
    const found = read(keys.config)
    return found === undefined ? undefined : { ...JSON.parse(Buffer.from(found).toString()) as SealConfig, type }
  }
  const put = (key: string, value: object) => ({ put: key, value: Buffer.from(JSON.stringify(value)) })
  function opened(key: Uint8Array, name: string): Uint8Array | undefined {
    const sealed = read(name)
    if (sealed === undefined || key.length !== 32) return undefined
    try {
      return open(key, sealed, name)
    } catch (error) {
      if (isCoded(error, 'DecryptionFailed')) return undefined
      throw error
    }
  }
  async function byFile(rootKey: Uint8Array) {
    if (type !== 'idp-keyfile' || keyFile === undefined) return []
    const known = await keyFile.read()
    const key = known ?? random(32)
    if (known === undefined) await keyFile.write(key)
    return [{ put: keys.fileRoot, value: seal(key, rootKey, keys.fileRoot, random) }]
  }
  return {
    config,
    async initialize(shares, threshold) {
      checkShares(shares, threshold)
      const [unsealKey, rootKey] = [random(32), random(32)]
      const keyring = newKeyring(rootKey, random, clock.now())
      const parts = await splitKey(unsealKey, shares, threshold)
      const made: SealConfig = { type, shares, threshold, clusterName: `vault-cluster-${Buffer.from(random(4)).toString('hex')}`, clusterId: uuid(random) }
      const file = await byFile(rootKey)
      await store.commit([
        put(keys.config, made), { put: keys.root, value: seal(unsealKey, rootKey, keys.root, random) },
        { put: keys.keyring, value: seal(rootKey, Buffer.from(JSON.stringify(keyring)), keys.keyring, random) }, ...file,
      ])
      return { keys: parts, rootKey, keyring }
    },
    async rootKeyOf(shares) {
      const key = await combineKey(shares)
      return key === undefined ? undefined : opened(key, keys.root)
    },
    async rootKeyOfFile() {
      const key = type === 'idp-keyfile' ? await keyFile?.read() : undefined
      return key === undefined ? undefined : opened(key, keys.fileRoot)
    },
    keyringOf(rootKey) {
      const sealed = read(keys.keyring)
      return JSON.parse(open(rootKey, sealed ?? new Uint8Array(), keys.keyring).toString()) as Keyring
    },
    async saveKeyring(keyring) {
      await store.commit([{ put: keys.keyring, value: seal(Buffer.from(keyring.rootKey, 'base64'), Buffer.from(JSON.stringify(keyring)), keys.keyring, random) }])
    },
    async rekey(rootKey, shares, threshold) {
      checkShares(shares, threshold)
      const unsealKey = random(32)
      const parts = await splitKey(unsealKey, shares, threshold)
      return {
        keys: parts,
        install: async () => void await store.commit([put(keys.config, { ...config(), shares, threshold }), { put: keys.root, value: seal(unsealKey, rootKey, keys.root, random) }]),
      }
    },
    async adopt(rootKey) {
      const key = type === 'idp-keyfile' ? await keyFile?.read() : undefined
      if (type !== 'idp-keyfile' || (key !== undefined && opened(key, keys.fileRoot) !== undefined)) return
      await store.commit(await byFile(rootKey))
    },
  }
}
