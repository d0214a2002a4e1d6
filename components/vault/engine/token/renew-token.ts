import type { Answer } from '../backend.ts'
import type { Active } from '../core/active.ts'
import { badRequest } from '../vault-error.ts'
import { lifetime } from './lifetime.ts'
import type { TokenEntry } from './token-entry.ts'

/** Gives a token more time, as far as its own limits, its auth method and the mount allow. @throws VaultError 400 */
export function renewToken(active: Active, token: TokenEntry, increment: number, certificatePem?: string): Answer {
  if (token.type === 'batch') throw badRequest('batch tokens cannot be renewed')
  if (!token.renewable) throw badRequest('lease is not renewable')
  if (token.expires === 0) return { auth: active.authBlock(token) }
  const mounted = active.mounts.route(token.path)?.mounted
  const method = mounted?.backend.renewLogin?.(token, certificatePem)
  const now = active.clock.now()
  const { ttl, warnings } = lifetime({
    increment, period: method?.period ?? token.period, ttl: method?.ttl ?? token.ttl, maxTtl: method?.maxTtl ?? 0, explicitMaxTtl: token.explicitMaxTtl,
    age: Math.floor((now - token.created) / 1000), mount: mounted === undefined ? active.defaults : active.mounts.lifetimes(mounted.entry),
  })
  const renewed: TokenEntry = { ...token, expires: now + ttl * 1000, renewed: now }
  active.tokens.update(renewed)
  return { auth: active.authBlock(renewed), warnings }
}
