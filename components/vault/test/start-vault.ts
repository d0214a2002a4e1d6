import { fakeClock, silentLog, systemRandom, type FakeClock, type Log } from '@idp/kit'
import { memoryStore, type Store } from '@idp/store'
import type { Surroundings } from '../engine/core/active.ts'
import type { KeyFile } from '../engine/core/seal.ts'
import { createVault, type Vault } from '../engine/core/vault.ts'
import { lifeRoutes } from '../server/life-routes.ts'
import { vaultHandler } from '../server/vault-handler.ts'

export interface Reply { readonly status: number; readonly body: any } // oxlint-disable-line no-explicit-any -- tests look into answers of every shape

export interface TestVault {
  readonly vault: Vault
  readonly clock: FakeClock
  readonly root: string
  readonly keys: readonly string[]
  /** A body that is a text is sent as it is. */
  call(method: string, path: string, body?: object | string, options?: { readonly token?: string; readonly headers?: Record<string, string>; readonly certificatePem?: string }): Promise<Reply>
}

export interface StartOptions { readonly store?: Store; readonly surroundings?: Surroundings; readonly keyFile?: KeyFile; readonly log?: Log; readonly shares?: number; readonly threshold?: number; readonly fresh?: boolean; readonly clock?: FakeClock }

/** A Vault in memory, initialised and unsealed, with KV version 2 at `secret/`; spoken to through its HTTP handler. */
export async function startVault({ store = memoryStore(), surroundings = {}, keyFile, log = silentLog, shares = 1, threshold = 1, fresh = true, clock = fakeClock() }: StartOptions = {}): Promise<TestVault> {
  const vault = createVault({ store, storageType: 'inmem', sealType: keyFile === undefined ? 'shamir' : 'idp-keyfile', ...(keyFile === undefined ? {} : { keyFile }), clock, random: systemRandom, log, surroundings, defaults: { default: 2_764_800, max: 2_764_800 }, lifeRoutes })
  const handler = vaultHandler(vault)
  let root = ''
  let keys: readonly string[] = []
  async function call(method: string, path: string, body?: object | string, { token = root, headers = {}, certificatePem }: { token?: string; headers?: Record<string, string>; certificatePem?: string } = {}): Promise<Reply> {
    const request = new Request(`http://vault/v1/${path}`, { method, headers: { ...(token === '' ? {} : { 'x-vault-token': token }), ...headers }, ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }) })
    const response = await handler(request, { address: '10.42.0.9', ...(certificatePem === undefined ? {} : { certificatePem }) })
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
  }
  if (fresh) {
    const { body } = await call('PUT', 'sys/init', { secret_shares: shares, secret_threshold: threshold })
    root = body.root_token
    keys = body.keys
    for (const key of keys.slice(0, threshold)) await call('PUT', 'sys/unseal', { key })
    await call('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } })
  }
  return { vault, clock, get root() { return root }, get keys() { return keys }, call }
}
