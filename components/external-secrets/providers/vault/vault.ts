import { createHash } from 'node:crypto'
import { RE2JS } from 're2js'
import { propertyOf } from '../../engine/property.ts'
import { bytes, bytesOfJson, jsonText, mapOfJson, text, type SecretMap } from '../../engine/secret-map.ts'
import type { Find, RemoteRef } from '../../kinds/external-secrets.ts'
import { NoSecretError, type Provider, type ProviderContext, type PushTarget, type SecretsClient } from '../provider.ts'
import { openFeed, type VaultFeed } from './vault-feed.ts'
import { dataPath, metadataPath } from './vault-path.ts'
import { openSession, VaultError, type VaultRequest, type VaultSession } from './vault-session.ts'
import { vaultFault, vaultSpecOf } from './vault-spec.ts'

/** A token is used this long; then the store logs in again, so that a role that is taken away stops the flow. */
const SESSION_MS = 15_000
/** One look at a path serves everybody who asks within this time; where Vault tells of changes, until it tells of one, or the session's time is over. */
const FRESH_MS = 500
/** A feed that does not come about is tried again after this; one that nobody asks for is closed after it. */
const FEED_MS = 60_000

/** Provider `vault`: HashiCorp Vault's KV secrets engines over its HTTP API. Sessions are shared by all that use a store. */
export function vaultProvider(): Provider {
  const sessions = new Map<string, { session: Promise<VaultSession>; readonly since: number }>()
  const looks = new Map<string, { readonly at: number; readonly seen: Promise<string> }>()
  const keyOf = ({ store, namespace }: ProviderContext): string => `${store.kind}/${namespace}/${store.metadata.namespace ?? ''}/${store.metadata.name}/${store.metadata.uid}/${store.metadata.generation}`
  const sessionOf = async (context: ProviderContext, fresh: boolean): Promise<VaultSession> => {
    const key = keyOf(context)
    const known = sessions.get(key)
    const now = context.clock.now()
    if (known !== undefined && !fresh && now - known.since < SESSION_MS) return known.session
    const entry = { session: openSession(context), since: now }
    sessions.set(key, entry)
    entry.session.catch(() => {
      if (sessions.get(key) === entry) sessions.delete(key)
    })
    void known?.session.then(revoke, () => {})
    for (const [other, { since }] of sessions) if (now - since > SESSION_MS * 4) sessions.delete(other)
    return entry.session
  }
  const feeds = new Map<string, { feed: VaultFeed | undefined; triedAt: number; usedAt: number }>()
  /** True while Vault tells of every change that the store could see. */
  const isTold = (context: ProviderContext): boolean => {
    const [key, now] = [keyOf(context), context.clock.now()]
    for (const [other, { feed, usedAt }] of feeds) {
      if (now - usedAt <= FEED_MS) continue
      feed?.[Symbol.dispose]()
      feeds.delete(other)
    }
    const known = feeds.get(key)
    if (known?.feed?.live === true || (known !== undefined && now - known.triedAt < FEED_MS)) {
      known.usedAt = now
      return known.feed?.live === true
    }
    const entry: { feed: VaultFeed | undefined; triedAt: number; usedAt: number } = { feed: undefined, triedAt: now, usedAt: now }
    feeds.set(key, entry)
    const changed = (): void => {
      for (const look of looks.keys()) if (look.startsWith(`${key} `)) looks.delete(look)
      // It has ended, with its token for one: it may begin anew at once.
      if (entry.feed?.live === false) entry.triedAt = -Infinity
    }
    void sessionOf(context, false).then((session) => openFeed(context, session, changed)).then((feed) => {
      entry.feed = feed
      if (feeds.get(key) !== entry) feed?.[Symbol.dispose]()
    }).catch(() => {}) // looked at again and again, as where there are no events
    return false
  }
  return {
    name: 'vault', capabilities: 'ReadWrite', fault: vaultFault,
    connect(context) {
      const shared = (what: string, look: () => Promise<string>): Promise<string> => {
        const key = `${keyOf(context)} ${what}`
        const fresh = isTold(context) ? SESSION_MS : FRESH_MS
        const known = looks.get(key)
        const now = context.clock.now()
        if (known !== undefined && now - known.at < fresh) return known.seen
        const seen = look()
        const entry = { at: now, seen }
        looks.set(key, entry)
        seen.catch(() => { if (looks.get(key) === entry) looks.delete(key) })
        for (const [other, { at }] of looks) if (now - at > 60_000) looks.delete(other)
        return seen
      }
      return vaultClient(context, (fresh) => sessionOf(context, fresh), shared)
    },
  }
}

async function revoke(session: VaultSession): Promise<void> {
  // Best effort, as a token that cannot be revoked expires by itself.
  if (session.ownsToken) await session.request('auth/token/revoke-self', { body: {} }).catch(() => {})
}

function vaultClient(context: ProviderContext, session: (fresh: boolean) => Promise<VaultSession>, shared: (what: string, look: () => Promise<string>) => Promise<string>): SecretsClient {
  const spec = vaultSpecOf(context.store)
  const v2 = spec.version !== 'v1'
  const request = async (path: string, options?: VaultRequest): Promise<Record<string, unknown> | undefined> => {
    const current = await session(false)
    try {
      return await current.request(path, options)
    } catch (error) {
      // The token may have been revoked or have expired: once more with a new one.
      if (!(error instanceof VaultError) || error.status !== 403 || !current.ownsToken || current.loggedInAt === context.clock.now()) throw error
      return (await session(true)).request(path, options)
    }
  }
  const read = async (key: string, version?: string): Promise<Record<string, unknown>> => {
    let answer: Record<string, unknown> | undefined
    try {
      answer = await request(dataPath(spec, key), version === undefined || version === '' ? {} : { query: { version } })
    } catch (error) {
      throw error instanceof VaultError ? new Error(`cannot read secret data from Vault: ${error.message}`, { cause: error }) : error
    }
    if (answer === undefined) throw new NoSecretError()
    const data = answer['data'] as Record<string, unknown> | null
    if (!v2) return data ?? {}
    if (data === null || !('data' in data)) throw new Error('failed to find data field')
    if (data['data'] === null) throw new NoSecretError()
    return data['data'] as Record<string, unknown>
  }
  const metadata = async (key: string): Promise<Record<string, unknown>> => {
    if (!v2) throw new Error('cannot perform metadata fetch operations with kv version v1')
    const answer = await request(metadataPath(spec, key))
    if (answer === undefined) throw new Error('secret not found')
    return answer['data'] as Record<string, unknown>
  }
  const getSecret = async ({ key, property, version, metadataPolicy }: RemoteRef): Promise<Uint8Array> => {
    const data = metadataPolicy === 'Fetch' ? (await metadata(key))['custom_metadata'] as Record<string, unknown> | null ?? {} : await read(key, version)
    if (property === undefined || property === '') return bytes(jsonText(data))
    const value = propertyOf(data, property)
    if (value === undefined) throw new Error(`cannot find secret data for key: ${JSON.stringify(property)}`)
    return value
  }
  const names = async (find: Find): Promise<string[]> => {
    const root = find.path === undefined || find.path === '' ? '' : `${find.path.replace(/\/+$/, '')}/`
    const found: string[] = []
    const walk = async (below: string): Promise<void> => {
      const base = v2 ? metadataPath(spec, below) : dataPath(spec, below)
      const answer = await request(base, { query: { list: 'true' } })
      for (const name of (answer?.['data'] as { keys?: string[] } | undefined)?.keys ?? []) {
        if (name.endsWith('/')) await walk(below + name)
        else found.push(below + name)
      }
    }
    await walk(root)
    return found.sort()
  }
  const wanted = async (find: Find): Promise<string[]> => {
    const all = await names(find)
    if (find.name?.regexp !== undefined) {
      const pattern = RE2JS.compile(find.name.regexp)
      return all.filter((name) => pattern.matcher(name).find())
    }
    const tags = Object.entries(find.tags ?? {})
    const matching: string[] = []
    for (const name of all) {
      const custom = (await metadata(name))['custom_metadata'] as Record<string, string> | null
      if (tags.every(([tag, value]) => custom?.[tag] === value)) matching.push(name)
    }
    return matching
  }
  const versionOf = async (key: string): Promise<string> => {
    if (v2) {
      try {
        const { current_version, updated_time, versions, custom_metadata } = await metadata(key)
        const current = (versions as Record<string, { deletion_time?: string; destroyed?: boolean }> | undefined)?.[String(current_version)]
        return digest([current_version, updated_time, current?.deletion_time, current?.destroyed, custom_metadata])
      } catch (error) {
        if (error instanceof VaultError && error.status !== 403) throw error
        // No metadata, or none for this policy: the data tells.
      }
    }
    try {
      return digest(await read(key))
    } catch (error) {
      if (error instanceof NoSecretError) return 'none'
      throw error
    }
  }
  return {
    getSecret,
    getSecretMap: async (ref) => mapOfJson(await getSecret(ref)),
    async getAllSecrets(find) {
      const found: SecretMap = new Map()
      for (const name of await wanted(find)) {
        try {
          found.set(name, bytes(jsonText(await read(name))))
        } catch (error) {
          if (!(error instanceof NoSecretError)) throw error
        }
      }
      return found
    },
    fingerprint: (what) => ('ref' in what
      ? shared(what.ref.key, () => versionOf(what.ref.key))
      : shared(`find ${JSON.stringify(what.find)}`, async () => digest(await Promise.all((await wanted(what.find)).map(async (name) => [name, await versionOf(name)]))))),
    async validate() {
      // A ClusterSecretStore that refers to what each namespace has can only be tried from one of them.
      if (context.store.kind === 'ClusterSecretStore' && context.namespace === '' && dependsOnNamespace(spec.auth ?? {})) return 'unknown'
      try {
        await (await session(true)).request('auth/token/lookup-self')
      } catch (error) {
        throw error instanceof VaultError && error.status === 403 ? new Error(`invalid vault credentials: ${error.message}`, { cause: error }) : error
      }
      return 'ready'
    },
    ...writing(request, read, spec),
  }
}

function writing(request: (path: string, options?: VaultRequest) => Promise<Record<string, unknown> | undefined>, read: (key: string) => Promise<Record<string, unknown>>, spec: ReturnType<typeof vaultSpecOf>): Pick<Required<SecretsClient>, 'push' | 'exists' | 'remove'> {
  const v2 = spec.version !== 'v1'
  const current = async (key: string): Promise<Record<string, unknown> | undefined> => {
    try {
      return await read(key)
    } catch (error) {
      if (error instanceof NoSecretError) return undefined
      throw error
    }
  }
  const owner = async (key: string): Promise<string | undefined> => {
    if (!v2) return (await current(key))?.['managed-by'] as string | undefined ?? (await current(key))?.['custom_metadata'] as string | undefined
    const answer = await request(metadataPath(spec, key))
    return ((answer?.['data'] as Record<string, unknown> | undefined)?.['custom_metadata'] as Record<string, string> | null | undefined)?.['managed-by']
  }
  return {
    async push(value, { key, property }) {
      const known = await current(key)
      if (known !== undefined && await owner(key) !== 'external-secrets') throw new Error('secret not managed by external-secrets')
      const next = property === undefined || property === '' ? Object.fromEntries([...mapOfJson(value)].map(([name, each]) => [name, text(each)])) : { ...known, [property]: text(value) }
      const marked = v2 ? next : { ...next, 'managed-by': 'external-secrets' }
      if (known !== undefined && jsonText(known) === jsonText(marked)) return
      if (v2) await request(metadataPath(spec, key), { body: { custom_metadata: { 'managed-by': 'external-secrets' } } })
      await request(dataPath(spec, key), { body: v2 ? { data: marked } : marked })
    },
    async exists({ key, property }: PushTarget) {
      const known = await current(key)
      return known !== undefined && (property === undefined || property === '' || Object.hasOwn(known, property))
    },
    async remove({ key, property }) {
      const known = await current(key)
      if (known === undefined || await owner(key) !== 'external-secrets') return
      const rest = Object.fromEntries(Object.entries(known).filter(([name]) => name !== property))
      if (property !== undefined && property !== '' && Object.keys(rest).some((name) => v2 || name !== 'managed-by')) {
        await request(dataPath(spec, key), { body: v2 ? { data: rest } : rest })
        return
      }
      await request(dataPath(spec, key), { method: 'DELETE' })
      if (v2) await request(metadataPath(spec, key), { method: 'DELETE' })
    },
  }
}

function dependsOnNamespace(auth: NonNullable<ReturnType<typeof vaultSpecOf>['auth']>): boolean {
  const refs = [auth.tokenSecretRef, auth.appRole?.secretRef, auth.kubernetes?.serviceAccountRef, auth.kubernetes?.secretRef, auth.userPass?.secretRef, auth.jwt?.secretRef, auth.jwt?.kubernetesServiceAccountToken?.serviceAccountRef, auth.cert?.clientCert]
  return refs.some((ref) => ref !== undefined && ref.namespace === undefined)
}

/** A digest: a look at the source is kept in memory, its values are not. */
function digest(value: unknown): string {
  return createHash('sha256').update(bytesOfJson(value ?? null)).digest('base64')
}
