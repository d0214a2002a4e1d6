import type { Clock, Log, Random } from '@idp/kit'
import type { Answer, AuthBlock, Backend, BackendContext, Login } from '../backend.ts'
import type { AuditBroker } from '../audit/audit-broker.ts'
import type { IdentityStore } from '../identity/identity-store.ts'
import type { Acl } from '../policy/acl.ts'
import type { PolicyStore } from '../policy/policy-store.ts'
import type { Barrier } from '../storage/barrier.ts'
import type { TokenEntry } from '../token/token-entry.ts'
import type { TokenStore } from '../token/token-store.ts'
import type { EventBus } from './event-bus.ts'
import type { LeaseStore } from './lease-store.ts'
import type { MountEntry, Mounts } from './mounts.ts'
import type { WrapInfo, Wrapping } from './wrapping.ts'

/** What the world outside Vault gives: asked by auth methods. */
export interface Surroundings {
  /** Where clients reach this Vault, e.g. `https://vault:8200`. */
  readonly apiAddress?: string
  /** Asks the API server about a token with Vault's own account. */
  readonly reviewToken?: (token: string, audiences: readonly string[]) => Promise<TokenReviewResult>
  /** HTTP to other servers (OIDC discovery, a configured Kubernetes). */
  readonly fetch?: (url: string, init?: RequestInit & { readonly ca?: string }) => Promise<Response>
  /** Appends a line to an audit log file. */
  readonly append?: (file: string, line: string) => Promise<void>
}

export interface TokenReviewResult {
  readonly authenticated: boolean
  readonly error?: string
  readonly username: string
  readonly uid: string
  readonly audiences: readonly string[]
  readonly extra: Readonly<Record<string, readonly string[]>>
}

/** Everything an unsealed Vault consists of. */
export interface Active {
  readonly barrier: Barrier
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly policies: PolicyStore
  readonly tokens: TokenStore
  readonly leases: LeaseStore
  readonly mounts: Mounts
  readonly identity: IdentityStore
  readonly audit: AuditBroker
  readonly events: EventBus
  readonly wrapping: Wrapping
  readonly surroundings: Surroundings
  /** Lifetimes of the system in seconds. */
  readonly defaults: { readonly default: number; readonly max: number }
  aclOf(token: TokenEntry): Acl
  /** Policies of the token's entity and its groups. */
  identityPolicies(token: TokenEntry): string[]
  authBlock(token: TokenEntry): AuthBlock
  /** Makes the token of a login. */
  login(login: Login, mount: MountEntry, path: string): { readonly auth: AuthBlock; readonly warnings: readonly string[] }
}

export type ActiveFactory = (context: BackendContext, active: Active) => Backend

/** The JSON of an answer before wrapping. */
export interface Envelope {
  readonly request_id: string
  readonly lease_id: string
  readonly renewable: boolean
  readonly lease_duration: number
  readonly data: object | null
  readonly wrap_info: WrapInfo | object | null
  readonly warnings: readonly string[] | null
  readonly auth: AuthBlock | null
  readonly mount_type?: string
}

export function envelope(id: string, answer: Answer, mountType: string): Envelope {
  return {
    request_id: id, lease_id: answer.leased?.id ?? '', renewable: answer.leased?.renewable ?? false, lease_duration: answer.leased?.ttl ?? 0,
    data: answer.data ?? null, wrap_info: answer.wrapInfo ?? null, warnings: answer.warnings === undefined || answer.warnings.length === 0 ? null : answer.warnings,
    auth: answer.auth ?? null, mount_type: mountType,
  }
}
