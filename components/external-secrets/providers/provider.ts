import type { Duplex } from 'node:stream'
import type { Client } from '@idp/client'
import type { Clock } from '@idp/kit'
import type { FetchOptions } from '@idp/sandbox'
import type { SecretMap } from '../engine/secret-map.ts'
import type { Find, RemoteRef, Store } from '../kinds/external-secrets.ts'

/** Thrown when the source has no such secret: what follows is the ExternalSecret's deletion policy. */
export class NoSecretError extends Error {
  override readonly name = 'NoSecretError'
  constructor() {
    super('Secret does not exist')
  }
}

/** What a pushed value comes from, for stores that keep type and labels as well. */
export interface PushSource { readonly type?: string | undefined; readonly labels?: Record<string, string>; readonly annotations?: Record<string, string> }

/** Where a pushed value goes. */
export interface PushTarget { readonly key: string; readonly property: string | undefined; readonly metadata: unknown; readonly source?: PushSource }

/** Reads one store (and writes it, where it can). Errors never carry values. */
export interface SecretsClient {
  /** The value of a secret, or of its property; the whole secret is a JSON object. Throws NoSecretError. */
  getSecret(ref: RemoteRef): Promise<Uint8Array>
  getSecretMap(ref: RemoteRef): Promise<SecretMap>
  getAllSecrets(find: Find): Promise<SecretMap>
  /** A cheap text that changes when the source does; without it only the refresh interval looks again. */
  fingerprint?(what: { readonly ref: RemoteRef } | { readonly find: Find }): Promise<string>
  /** Throws when the store cannot be used; `unknown` when that cannot be told. */
  validate(): Promise<'ready' | 'unknown'>
  push?(value: Uint8Array, target: PushTarget): Promise<void>
  exists?(target: PushTarget): Promise<boolean>
  remove?(target: PushTarget): Promise<void>
}

export type Dial = (target: { readonly host: string; readonly port: number }) => Promise<Duplex>

/** What a provider may use. `namespace` is where names without one are looked up: the store's, or for a ClusterSecretStore the namespace it is used from ('' when it is only validated). */
export interface ProviderContext {
  readonly client: Client
  readonly clock: Clock
  fetch(url: string, options?: FetchOptions): Promise<Response>
  /** A raw connection, where there are any. */
  readonly dial?: Dial | undefined
  /** The operator's own ServiceAccount token. */
  ownToken(): Promise<string>
  readonly store: Store
  readonly namespace: string
}

export interface Provider {
  /** Its key in `spec.provider`. */
  readonly name: string
  readonly capabilities: 'ReadOnly' | 'WriteOnly' | 'ReadWrite'
  /** What is wrong with the configuration, in upstream's words; undefined when nothing is. */
  fault(store: Store): string | undefined
  connect(context: ProviderContext): SecretsClient
}
