import type { Clock, Log, Random } from '@idp/kit'
import { createAuditBroker } from '../audit/audit-broker.ts'
import type { AuthBlock, Login } from '../backend.ts'
import { createIdentityStore } from '../identity/identity-store.ts'
import { policyTemplate } from '../identity/policy-template.ts'
import { cubbyholePrefix } from '../kv/cubbyhole.ts'
import { createPolicyStore } from '../policy/policy-store.ts'
import type { Barrier } from '../storage/barrier.ts'
import { clear } from '../storage/storage.ts'
import { lifetime } from '../token/lifetime.ts'
import { remaining, type TokenEntry } from '../token/token-entry.ts'
import { createTokenStore } from '../token/token-store.ts'
import { badRequest, permissionDenied } from '../vault-error.ts'
import type { Active, ActiveFactory, Surroundings } from './active.ts'
import { createEventBus } from './event-bus.ts'
import { createLeaseStore } from './lease-store.ts'
import { createMounts, type MountEntry, type MountTable } from './mounts.ts'
import { createWrapping } from './wrapping.ts'

export interface ActiveOptions {
  readonly barrier: Barrier
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly surroundings: Surroundings
  readonly defaults: { readonly default: number; readonly max: number }
  readonly factories: Readonly<Record<MountTable, Readonly<Record<string, ActiveFactory>>>>
}

/** Builds everything that runs while Vault is unsealed; disposing stops its timers. */
export function createActive({ barrier, clock, random, log, surroundings, defaults, factories }: ActiveOptions): Active & Disposable {
  const flush = (): void => void barrier.flush().catch((error: unknown) => log.error('an expiry could not be written', { error }))
  const identity = createIdentityStore({ storage: barrier, clock, random })
  const policies = createPolicyStore(barrier, clock.now())
  const events = createEventBus(clock, random)
  const leases = createLeaseStore({ storage: barrier, clock, random, flush, end: (lease) => mounts.route(lease.mount)?.mounted.backend.revoke?.(lease.internal) })
  const tokens = createTokenStore({
    barrier, clock, random, flush,
    onRevoke(_token, hash) {
      leases.revokeOf(hash)
      clear(barrier, `${cubbyholePrefix}${hash}/`)
      barrier.delete(`wrap/${hash}`)
    },
  })
  const bind = (table: Readonly<Record<string, ActiveFactory>>) => Object.fromEntries(Object.entries(table).map(([type, factory]) => [type, (context: Parameters<ActiveFactory>[0]) => factory(context, active)]))
  const active: Omit<Active, 'mounts'> & { mounts: Active['mounts'] } = {
    barrier, clock, random, log, policies, tokens, leases, identity, events, surroundings, defaults,
    mounts: undefined as never, // set below: backends are handed `active` when they start
    audit: createAuditBroker({ storage: barrier, clock, random, surroundings, log }),
    wrapping: createWrapping({ storage: barrier, tokens, clock }),
    identityPolicies: (token) => identityPolicies(active, token),
    aclOf: (token) => policies.acl([...new Set([...token.policies, ...identityPolicies(active, token)])], policyTemplate(identity, token.entityId)),
    authBlock: (token) => authBlock(active, token),
    login: (login, mount, path) => logIn(active, login, mount, path),
  }
  const mounts = createMounts({
    storage: barrier, clock, random, log, defaults, factories: { mounts: bind(factories.mounts), auth: bind(factories.auth) },
    emit: (entry, event, metadata) => events.publish(entry, event, metadata),
  })
  active.mounts = mounts
  mounts.begin()
  return {
    ...active,
    [Symbol.dispose]() {
      tokens[Symbol.dispose]()
      leases[Symbol.dispose]()
    },
  }
}

function identityPolicies({ identity }: Pick<Active, 'identity'>, token: TokenEntry): string[] {
  const entity = token.entityId === '' || token.noIdentityPolicies === true ? undefined : identity.entities.get(token.entityId)
  if (entity === undefined) return []
  const { direct, inherited } = identity.groupsOf(entity.id)
  const all = [...entity.policies, ...direct.flatMap((group) => group.policies), ...inherited.flatMap((group) => group.policies)]
  return [...new Set(all)].filter((name) => name !== 'root').sort()
}

function authBlock(active: Pick<Active, 'identity' | 'clock'>, token: TokenEntry): AuthBlock {
  const identity = identityPolicies(active, token)
  return {
    client_token: token.id, accessor: token.accessor, policies: [...new Set([...token.policies, ...identity])].sort(), token_policies: token.policies, ...(identity.length === 0 ? {} : { identity_policies: identity }),
    metadata: Object.keys(token.meta).length === 0 ? null : token.meta, lease_duration: remaining(token, active.clock.now()), renewable: token.renewable && token.expires !== 0, entity_id: token.entityId,
    token_type: token.type, orphan: token.parent === '', mfa_requirement: null, num_uses: token.numUses,
  }
}

function logIn(active: Active, login: Login, mount: MountEntry, path: string): { auth: AuthBlock; warnings: readonly string[] } {
  const entity = login.alias === undefined ? undefined : active.identity.entityOf(mount.accessor, login.alias.name, login.alias.metadata ?? {})
  if (entity?.disabled === true) throw permissionDenied()
  if (entity !== undefined && login.groupAliases !== undefined) active.identity.setExternalGroups(entity.id, mount.accessor, login.groupAliases)
  const policies = [...new Set([...login.policies.map((name) => name.toLowerCase()), ...(login.noDefaultPolicy === true ? [] : ['default'])])].sort()
  if (policies.includes('root')) throw badRequest('auth methods cannot create root tokens')
  const type = login.type === 'batch' ? 'batch' : 'service'
  const { ttl, warnings } = lifetime({ increment: login.ttl, period: login.period ?? 0, maxTtl: login.maxTtl, explicitMaxTtl: login.explicitMaxTtl ?? 0, age: 0, mount: active.mounts.lifetimes(mount) })
  const token = active.tokens.create({
    policies, path, ttl, type, meta: login.metadata ?? {}, displayName: `${mount.path.replace(/\/$/, '').replaceAll('/', '-')}-${login.displayName}`.replace(/-$/, ''), numUses: login.numUses ?? 0,
    period: login.period ?? 0, explicitMaxTtl: login.explicitMaxTtl ?? 0, entityId: entity?.id ?? '', boundCidrs: login.boundCidrs ?? [], internal: login.internal ?? {},
  })
  return { auth: active.authBlock(token), warnings }
}
