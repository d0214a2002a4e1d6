import type { BackendRequest, Route } from '../backend.ts'
import type { Active } from '../core/active.ts'
import { isRecord, list, text } from '../fields.ts'
import { invalidToken, VaultError } from '../vault-error.ts'
import { badRequest } from '../vault-error.ts'

/** `sys/policy`, `sys/policies/acl` and the capability questions. */
export function policyRoutes(active: Active): Route[] {
  const { policies, tokens } = active
  const name = ({ params }: BackendRequest): string => (params['name'] ?? '').toLowerCase()
  function save(request: BackendRequest): undefined {
    const { policy } = request.data
    let raw = typeof policy === 'string' ? policy : isRecord(policy) ? JSON.stringify(policy) : text(request.data, 'rules')
    if (raw === '') throw badRequest("'policy' parameter not supplied or empty")
    const decoded = /^[A-Za-z0-9+/=\s]+$/.test(raw) ? Buffer.from(raw, 'base64').toString() : ''
    if (decoded.includes('path') && Buffer.from(decoded).toString('base64') === raw.trim()) raw = decoded
    policies.save(name(request), raw, active.clock.now())
    return undefined
  }
  const capabilities = (token: ReturnType<typeof tokens.find>, data: BackendRequest['data']) => {
    if (token === undefined) throw invalidToken()
    const paths = list(data, 'paths').length > 0 ? list(data, 'paths') : list(data, 'path')
    if (paths.length === 0) throw badRequest('paths must be supplied')
    const acl = active.aclOf(token)
    const found = Object.fromEntries(paths.map((path) => [path, acl.capabilities(path.replace(/^\//, ''))]))
    const [first = ''] = paths
    return { data: { ...found, ...(paths.length === 1 ? { capabilities: found[first] } : {}) } }
  }
  const removal = (request: BackendRequest): void => policies.remove(name(request))
  return [
    { path: 'policy', read: () => ({ data: { keys: policies.names(), policies: policies.names() } }), list: () => ({ data: { keys: policies.names(), policies: policies.names() } }) },
    {
      path: 'policy/:name',
      read: (request) => {
        const policy = policies.find(name(request))
        return policy === undefined ? undefined : { data: { name: policy.name, rules: policy.raw } }
      },
      write: save,
      delete: (request) => void removal(request),
    },
    { path: 'policies/acl', list: () => ({ data: { keys: policies.names() } }), read: () => ({ data: { keys: policies.names() } }) },
    {
      path: 'policies/acl/:name',
      read: (request) => {
        const policy = policies.find(name(request))
        return policy === undefined ? undefined : { data: { name: policy.name, policy: policy.raw } }
      },
      write: save,
      delete: (request) => void removal(request),
    },
    { path: 'capabilities', write: ({ data }) => capabilities(tokens.find(text(data, 'token')), data) },
    { path: 'capabilities-self', write: ({ data, token }) => capabilities(tokens.find(text(data, 'token', token?.id ?? '')), data) },
    {
      path: 'capabilities-accessor',
      write: ({ data }) => {
        const token = tokens.byAccessor(text(data, 'accessor'))
        if (token === undefined) throw new VaultError(400, 'invalid accessor')
        return capabilities(token, data)
      },
    },
    { path: 'internal/ui/resultant-acl', read: ({ token }) => ({ data: { root: token?.policies.includes('root') === true, exact_paths: {}, glob_paths: {} } }) },
  ]
}
