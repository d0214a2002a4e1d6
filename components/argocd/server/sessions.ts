import { createHmac, timingSafeEqual } from 'node:crypto'
import bcrypt from 'bcryptjs'
import { isApiError, Secret } from '@idp/api'
import type { Client } from '@idp/client'
import { informer } from '@idp/controller'
import { rfc3339, sleep, uuid, type Clock, type Log, type Random } from '@idp/kit'

export interface SessionsOptions { readonly client: Client; readonly clock: Clock; readonly log: Log; readonly random: Random; readonly signal: AbortSignal; readonly namespace: string }

/** Logins of the local admin: passwords are checked against Secret argocd-secret, tokens are JWTs signed with its key. */
export interface Sessions {
  /** A token for 24 hours; undefined when user or password is wrong or too many tries failed. */
  login(username: string, password: string): Promise<string | undefined>
  /** The user of a token; undefined when it is not valid (any more). */
  user(token: string): string | undefined
}

const secretName = 'argocd-secret'
const lifetime = 24 * 3_600_000
const maxFailures = 5
const failureWindow = 300_000

/** Makes what is missing in argocd-secret (signing key, and a first password as Secret argocd-initial-admin-secret), then follows its changes. */
export async function startSessions(options: SessionsOptions): Promise<Sessions> {
  const { client, clock, log, signal, namespace } = options
  const secrets = informer(client, Secret, { clock, log, signal, query: { namespace, fieldSelector: `metadata.name=${secretName}` } })
  await secrets.synced
  await ensureSecret(options, secrets.cache.get(secretName, namespace))
  const field = (name: string): string => Buffer.from(secrets.cache.get(secretName, namespace)?.data?.[name] ?? '', 'base64').toString()
  // The answer to the write above comes through the watch.
  for (let tries = 0; tries < 100 && field('server.secretkey') === ''; tries++) await sleep(clock, 20, signal)
  const sign = (text: string): Buffer => createHmac('sha256', field('server.secretkey')).update(text).digest()
  let failures: number[] = []

  return {
    async login(username, password) {
      failures = failures.filter((at) => at > clock.now() - failureWindow)
      if (failures.length >= maxFailures) return undefined
      // bcrypt looks at 72 bytes; more is refused so that nobody pays for it.
      const right = username === 'admin' && password.length <= 72 && (await bcrypt.compare(password, field('admin.password')))
      if (!right) {
        failures.push(clock.now())
        return undefined
      }
      failures = []
      const now = Math.floor(clock.now() / 1_000)
      const head = encode({ alg: 'HS256', typ: 'JWT' })
      const body = encode({ iss: 'argocd', sub: 'admin:login', iat: now, nbf: now, exp: now + lifetime / 1_000, jti: uuid(options.random) })
      return `${head}.${body}.${sign(`${head}.${body}`).toString('base64url')}`
    },
    user(token) {
      const [head = '', body = '', signature = ''] = token.split('.')
      const [given, wanted] = [Buffer.from(signature, 'base64url'), sign(`${head}.${body}`)]
      if (field('server.secretkey') === '' || given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined
      const claims = decode(body)
      const changed = Date.parse(field('admin.passwordMtime'))
      if (claims === undefined || claims.exp * 1_000 < clock.now()) return undefined
      // A new password ends the sessions of the old one.
      if (Number.isFinite(changed) && claims.iat * 1_000 < changed - 1_000) return undefined
      return claims.sub.split(':')[0]
    },
  }
}

interface Claims { readonly sub: string; readonly iat: number; readonly exp: number }

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function decode(text: string): Claims | undefined {
  try {
    const { sub, iat, exp } = JSON.parse(Buffer.from(text, 'base64url').toString()) as Partial<Claims>
    return typeof sub === 'string' && typeof iat === 'number' && typeof exp === 'number' ? { sub, iat, exp } : undefined
  } catch {
    return undefined
  }
}

async function ensureSecret({ client, clock, log, random, namespace }: SessionsOptions, live: Secret | undefined): Promise<void> {
  const missing: Record<string, string> = {}
  if ((live?.data?.['server.secretkey'] ?? '') === '') missing['server.secretkey'] = Buffer.from(random(32)).toString('base64')
  let password: string | undefined
  if ((live?.data?.['admin.password'] ?? '') === '') {
    password = Buffer.from(random(12)).toString('base64url')
    missing['admin.password'] = await bcrypt.hash(password, 10)
    missing['admin.passwordMtime'] = rfc3339(clock.now())
  }
  if (Object.keys(missing).length === 0) return
  const metadata = { name: secretName, namespace, labels: { 'app.kubernetes.io/name': secretName, 'app.kubernetes.io/part-of': 'argocd' } }
  const data = Object.fromEntries(Object.entries(missing).map(([key, text]) => [key, Buffer.from(text).toString('base64')]))
  if (live === undefined) await client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data })
  else await client.patch(Secret, secretName, { data }, { type: 'merge', namespace })
  if (password === undefined) return
  const first = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'argocd-initial-admin-secret', namespace }, type: 'Opaque', data: { password: Buffer.from(password).toString('base64') } } as Secret
  try {
    await client.create(Secret, first)
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error
    await client.update(Secret, first)
  }
  log.info('made a first admin password', { secret: 'argocd-initial-admin-secret' })
}
