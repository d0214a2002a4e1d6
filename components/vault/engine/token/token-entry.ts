/** A token as it is stored. Seconds for lifetimes, milliseconds since the epoch for moments; 0 where not set. */
export interface TokenEntry {
  readonly id: string
  readonly accessor: string
  /** Hash of the parent token; empty for orphans. */
  readonly parent: string
  readonly policies: readonly string[]
  /** Request path that made it, e.g. `auth/token/create`. */
  readonly path: string
  readonly meta: Readonly<Record<string, string>>
  readonly displayName: string
  readonly numUses: number
  readonly created: number
  /** Lifetime given at creation. */
  readonly ttl: number
  readonly explicitMaxTtl: number
  readonly period: number
  readonly type: 'service' | 'batch'
  readonly entityId: string
  readonly role: string
  readonly boundCidrs: readonly string[]
  readonly renewable: boolean
  /** 0: never. */
  readonly expires: number
  readonly renewed: number
  /** Of the auth method that gave it. */
  readonly internal: Readonly<Record<string, string>>
  /** Policies of the entity and its groups are not added (wrapping tokens). */
  readonly noIdentityPolicies?: boolean
}

export const isRoot = (token: TokenEntry): boolean => token.policies.includes('root')
export const isExpired = (token: TokenEntry, now: number): boolean => token.expires !== 0 && token.expires <= now
export const remaining = (token: TokenEntry, now: number): number => (token.expires === 0 ? 0 : Math.max(0, Math.round((token.expires - now) / 1000)))
