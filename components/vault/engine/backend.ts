import type { Clock, Log, Random } from '@idp/kit'
import type { Data } from './fields.ts'
import type { Acl, Operation } from './policy/acl.ts'
import type { Storage } from './storage/storage.ts'
import type { TokenEntry } from './token/token-entry.ts'

/** A request as a backend sees it. */
export interface BackendRequest {
  readonly id: string
  readonly operation: Operation
  /** Below the mount, e.g. `data/foo`. */
  readonly path: string
  /** The mount's path with `/` at the end. */
  readonly mount: string
  readonly data: Data
  /** Named parts of the path. */
  readonly params: Readonly<Record<string, string>>
  /** Absent on paths without authentication. */
  readonly token?: TokenEntry
  readonly acl?: Acl
  readonly headers: Headers
  readonly remoteAddress: string
  /** What the client proved to hold in the TLS handshake, its own first, PEM; whoever signed it. */
  readonly certificatePem?: string
  readonly wrapTtl?: number
  /** Bytes of a body that is not JSON (snapshots). */
  readonly bytes?: Uint8Array
}

/** Who logged in: the core makes a token of it. Times are seconds, 0 where not set. */
export interface Login {
  readonly displayName: string
  readonly policies: readonly string[]
  readonly noDefaultPolicy?: boolean
  readonly metadata?: Readonly<Record<string, string>>
  readonly alias?: { readonly name: string; readonly metadata?: Readonly<Record<string, string>> }
  readonly groupAliases?: readonly string[]
  readonly ttl: number
  readonly maxTtl: number
  readonly explicitMaxTtl?: number
  readonly period?: number
  readonly numUses?: number
  readonly type?: 'default' | 'service' | 'batch'
  readonly boundCidrs?: readonly string[]
  /** Kept with the token for the method's `renew`. */
  readonly internal?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status?: number
  readonly data?: object
  readonly warnings?: readonly string[]
  readonly login?: Login
  /** A token made by the token backend itself. */
  readonly auth?: AuthBlock
  /** A secret that ends: the core registers a lease. Seconds. */
  readonly lease?: { readonly ttl: number; readonly maxTtl: number; readonly renewable: boolean; readonly internal: Readonly<Record<string, unknown>> }
  /** A lease that exists already (renewal). */
  readonly leased?: { readonly id: string; readonly ttl: number; readonly renewable: boolean }
  readonly wrapInfo?: object
  /** Sent as it is, outside of the usual envelope. */
  readonly raw?: { readonly type: string; readonly body: string | Uint8Array }
  /** The whole JSON body, for the few paths without envelope. */
  readonly body?: object
}

export interface AuthBlock {
  readonly client_token: string
  readonly accessor: string
  readonly policies: readonly string[]
  readonly token_policies: readonly string[]
  readonly identity_policies?: readonly string[]
  readonly metadata: Readonly<Record<string, string>> | null
  readonly lease_duration: number
  readonly renewable: boolean
  readonly entity_id: string
  readonly token_type: string
  readonly orphan: boolean
  readonly mfa_requirement: null
  readonly num_uses: number
}

type Handle = (request: BackendRequest) => Answer | undefined | Promise<Answer | undefined>

/**
 * One path of a backend. `:name` is a segment, `*name` at the end the rest (with slashes). `undefined` answers 204 to
 * writes and 404 to reads.
 */
export interface Route {
  readonly path: string
  readonly read?: Handle
  readonly list?: Handle
  /** POST and PUT: create and update alike. */
  readonly write?: Handle
  readonly patch?: Handle
  readonly delete?: Handle
  /** Tells a creation from an update, which need different capabilities; without it every write is an update. */
  readonly exists?: (request: BackendRequest) => boolean
  /** Needs no token. */
  readonly open?: boolean
  /** Needs the capability `sudo` (or the root policy). */
  readonly sudo?: boolean
}

export interface Backend {
  readonly routes: readonly Route[]
  /** Ends what a lease gave. */
  revoke?(internal: Readonly<Record<string, unknown>>): void
  /** Renewal of a token that this auth method gave: throws when it may not be renewed any more. */
  renewLogin?(token: TokenEntry, certificatePem?: string): { readonly ttl: number; readonly maxTtl: number; readonly period?: number }
  /** Work after mounting and after a tune of its options. */
  configure?(options: Readonly<Record<string, string>>): void
}

/** What a backend is given. */
export interface BackendContext {
  readonly storage: Storage
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Of the mount, e.g. `secret/`. */
  readonly path: string
  readonly accessor: string
  readonly type: string
  readonly options: Readonly<Record<string, string>>
  /** Lifetimes of the mount, in seconds. */
  lifetimes(): { readonly default: number; readonly max: number }
  /** Tells subscribers of `sys/events/subscribe`. */
  emit(event: string, metadata: Readonly<Record<string, string>>): void
}

export interface CompiledRoute { readonly route: Route; readonly names: readonly string[]; readonly pattern: RegExp }

/** Routes in the order in which they are tried. */
export function compileRoutes(routes: readonly Route[]): CompiledRoute[] {
  return routes.map((route) => {
    const names: string[] = []
    const source = route.path.replaceAll(/[.+^$()|[\]{}\\?]/g, String.raw`\$&`).replaceAll(/([:*])(\w+)/g, (_, kind: string, name: string) => {
      names.push(name)
      return kind === ':' ? '([^/]+)' : '(.*)'
    })
    return { route, names, pattern: new RegExp(`^${source}/?$`, 's') }
  })
}
