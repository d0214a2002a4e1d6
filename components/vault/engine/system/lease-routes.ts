import type { Answer, BackendRequest, Route } from '../backend.ts'
import type { Active } from '../core/active.ts'
import type { Lease } from '../core/lease-store.ts'
import { goTime } from '../duration.ts'
import { seconds, text } from '../fields.ts'
import { lifetime } from '../token/lifetime.ts'
import { badRequest } from '../vault-error.ts'

/** `sys/leases` and its older spellings. */
export function leaseRoutes(active: Active): Route[] {
  const { leases, tokens, mounts } = active
  const idOf = ({ data, params }: BackendRequest): string => {
    const id = params['id'] !== undefined && params['id'] !== '' ? params['id'] : text(data, 'lease_id', text(data, 'url_lease_id'))
    if (id === '') throw badRequest('lease_id must be specified')
    return id
  }
  const found = (request: BackendRequest): Lease => {
    const lease = leases.find(idOf(request))
    if (lease === undefined) throw badRequest('invalid lease')
    return lease
  }
  function renew(request: BackendRequest): Answer {
    const lease = leases.find(idOf(request))
    if (lease === undefined) throw badRequest('lease not found')
    if (!lease.renewable) throw badRequest('lease is not renewable')
    const now = active.clock.now()
    const entry = mounts.route(lease.mount)?.mounted.entry
    const { ttl, warnings } = lifetime({ increment: seconds(request.data, 'increment'), ttl: lease.ttl, maxTtl: lease.maxTtl, age: Math.floor((now - lease.issued) / 1000), mount: entry === undefined ? active.defaults : mounts.lifetimes(entry) })
    leases.update({ ...lease, expires: now + ttl * 1000, renewed: now })
    return { leased: { id: lease.id, ttl, renewable: true }, warnings }
  }
  function revoke(request: BackendRequest): undefined {
    const lease = leases.find(idOf(request))
    if (lease !== undefined) leases.revoke(lease)
    return undefined
  }
  function revokePrefix(prefix: string): undefined {
    for (const lease of leases.below(prefix)) leases.revoke(lease)
    if (prefix.startsWith('auth/')) for (const token of tokens.all()) if (token.path.startsWith(prefix)) tokens.revoke(token)
    return undefined
  }
  const prefixOf = ({ params }: BackendRequest): string => params['prefix'] ?? ''
  return [
    {
      path: 'leases/lookup',
      write: (request) => {
        const lease = found(request)
        const now = active.clock.now()
        return { data: { id: lease.id, issue_time: goTime(lease.issued), expire_time: goTime(lease.expires), last_renewal: lease.renewed === 0 ? null : goTime(lease.renewed), renewable: lease.renewable, ttl: Math.max(0, Math.round((lease.expires - now) / 1000)) } }
      },
    },
    {
      path: 'leases/lookup/*prefix',
      sudo: true,
      list: (request) => {
        const prefix = prefixOf(request)
        return { data: { keys: leases.list(prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`) } }
      },
    },
    { path: 'leases/count', sudo: true, read: () => ({ data: { lease_count: leases.count, counts: {} } }) },
    { path: 'leases/renew', write: renew }, { path: 'leases/renew/*id', write: renew }, { path: 'renew', write: renew }, { path: 'renew/*id', write: renew },
    { path: 'leases/revoke', write: revoke }, { path: 'leases/revoke-prefix/*prefix', sudo: true, write: (request) => revokePrefix(prefixOf(request)) },
    { path: 'leases/revoke-force/*prefix', sudo: true, write: (request) => revokePrefix(prefixOf(request)) },
    { path: 'leases/revoke/*id', write: revoke }, { path: 'revoke', write: revoke },
    { path: 'revoke-prefix/*prefix', sudo: true, write: (request) => revokePrefix(prefixOf(request)) }, { path: 'revoke-force/*prefix', sudo: true, write: (request) => revokePrefix(prefixOf(request)) },
    { path: 'revoke/*id', write: revoke },
    { path: 'leases/tidy', write: () => ({ status: 202, warnings: ['Tidy operation successfully started. Any information from the operation will be printed to Vault\'s server logs.'] }) },
  ]
}
