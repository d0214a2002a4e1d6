import type { FetchOptions } from '@idp/sandbox'

/** As much of a Vault as the provider's tests need: KV v2 at `secret/`, KV v1 at `kv1/`, Kubernetes, AppRole and userpass logins. */
export interface FakeVault {
  fetch(url: string, options?: FetchOptions): Promise<Response>
  put(path: string, data: Record<string, unknown>, custom?: Record<string, string>): void
  /** Deletes the newest version. */
  remove(path: string): void
  read(path: string): Record<string, unknown> | undefined
  readonly v1: Map<string, Record<string, unknown>>
  readonly roles: Set<string>
  readonly tokens: Set<string>
  readonly logins: { readonly path: string; readonly body: Record<string, unknown> }[]
  readonly requests: string[]
  metadataDenied: boolean
  sealed: boolean
}

interface Entry { versions: (Record<string, unknown> | null)[]; custom: Record<string, string> | null }

export function fakeVault(): FakeVault {
  const entries = new Map<string, Entry>()
  const answer = (status: number, body?: unknown): Response => new Response(body === undefined ? null : JSON.stringify(body), { status })
  const vault: FakeVault = {
    v1: new Map(), roles: new Set(['app']), tokens: new Set(['root']), logins: [], requests: [], metadataDenied: false, sealed: false,
    put(path, data, custom) {
      const entry = entries.get(path) ?? { versions: [], custom: null }
      entry.versions.push(data)
      if (custom !== undefined) entry.custom = custom
      entries.set(path, entry)
    },
    remove(path) {
      const entry = entries.get(path)
      if (entry !== undefined) entry.versions[entry.versions.length - 1] = null
    },
    read: (path) => entries.get(path)?.versions.at(-1) ?? undefined,
    async fetch(url, options = {}) {
      const { pathname, searchParams } = new URL(url)
      const path = pathname.replace('/v1/', '')
      const body = options.body === undefined || options.body === null ? {} : JSON.parse(String(options.body)) as Record<string, unknown>
      const method = options.method ?? 'GET'
      vault.requests.push(`${method} ${path}`)
      if (url.startsWith('http://echo')) return answer(400, { errors: [`you sent ${new Headers(options.headers).get('x-vault-token') ?? ''} ${JSON.stringify(body)}`] })
      if (vault.sealed) return answer(503, { errors: ['Vault is sealed'] })
      if (path.includes('/login')) {
        vault.logins.push({ path, body })
        if (path.startsWith('auth/kubernetes') && !vault.roles.has(String(body['role']))) return answer(400, { errors: [`invalid role name "${String(body['role'])}"`] })
        const token = `t${vault.logins.length}`
        vault.tokens.add(token)
        return answer(200, { auth: { client_token: token } })
      }
      const token = new Headers(options.headers).get('x-vault-token') ?? ''
      if (!vault.tokens.has(token)) return answer(403, { errors: ['permission denied'] })
      if (path === 'auth/token/lookup-self') return answer(200, { data: {} })
      if (path === 'auth/token/revoke-self') {
        vault.tokens.delete(token)
        return answer(204)
      }
      if (path.startsWith('kv1/')) {
        const data = vault.v1.get(path.slice(4))
        return data === undefined ? answer(404, { errors: [] }) : answer(200, { data })
      }
      const [, area = '', key = ''] = /^secret\/(data|metadata)\/(.*)$/.exec(path) ?? []
      if (area === 'metadata' && searchParams.get('list') === 'true') {
        const names = new Set([...entries.keys()].filter((each) => each.startsWith(key)).map((each) => each.slice(key.length).replace(/\/.*/, '/')))
        return names.size === 0 ? answer(404, { errors: [] }) : answer(200, { data: { keys: [...names].sort() } })
      }
      if (area === 'metadata' && vault.metadataDenied) return answer(403, { errors: ['permission denied'] })
      const entry = entries.get(key)
      if (area === 'metadata' && method === 'PUT') {
        entries.set(key, { versions: entry?.versions ?? [], custom: body['custom_metadata'] as Record<string, string> })
        return answer(204)
      }
      if (area === 'data' && method === 'PUT') {
        vault.put(key, body['data'] as Record<string, unknown>)
        return answer(200, { data: {} })
      }
      if (method === 'DELETE') {
        if (area === 'metadata') entries.delete(key)
        else vault.remove(key)
        return answer(204)
      }
      if (entry === undefined) return answer(404, { errors: [] })
      if (area === 'metadata') {
        const current = entry.versions.length
        return answer(200, { data: { current_version: current, updated_time: 'now', custom_metadata: entry.custom, versions: { [current]: { deletion_time: entry.versions.at(-1) === null ? 'now' : '', destroyed: false } } } })
      }
      const version = Number(searchParams.get('version') ?? entry.versions.length)
      const data = entry.versions[version - 1]
      return data === null || data === undefined ? answer(404, { data: { data: null, metadata: {} } }) : answer(200, { data: { data, metadata: { version } } })
    },
  }
  return vault
}
