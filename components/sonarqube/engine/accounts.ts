import { createHash, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { Clock, Random } from '@idp/kit'
import type { State } from './state.ts'

/** In the thread pool: a password costs tens of milliseconds by design. */
const derive = promisify(scrypt) as (password: string, salt: string, length: number) => Promise<Buffer>
const sessionMs = 3 * 86_400_000
const mostFailures = 10
const pauseMs = 30_000

/** Who asks: the administrator (the one account there is), by password, token or session. */
export interface Accounts {
  /** True when the request says who it is, and that is right. */
  isSignedIn(request: Request): Promise<boolean>
  signIn(login: string, password: string): Promise<{ readonly cookies: readonly string[] } | undefined>
  signOut(request: Request): void
  checks(login: string, password: string): Promise<boolean>
  setPassword(password: string): Promise<void>
  /** Takes the password that the mounted Secret gives, when it is another than last time. True when something changed. */
  takeSecret(password: string): Promise<boolean>
  newToken(name: string): string
}

export function createAccounts(state: State, { clock, random }: { readonly clock: Clock; readonly random: Random }): Accounts {
  const sessions = new Map<string, { readonly until: number; readonly xsrf: string }>()
  /** What was right once is not put through scrypt for each request. */
  const right = new Set<string>()
  let failures = 0
  let pausedUntil = 0
  const hex = (bytes: number): string => Buffer.from(random(bytes)).toString('hex')
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex')
  const hash = async (password: string, salt = hex(16)): Promise<string> => `${salt}:${(await derive(password, salt, 32)).toString('hex')}`
  const equal = (a: string, b: string): boolean => { const [x, y] = [Buffer.from(a), Buffer.from(b)]; return x.length === y.length && timingSafeEqual(x, y) }
  const verify = async (password: string, stored: string): Promise<boolean> => equal(await hash(password, stored.split(':')[0]), stored)
  const tryOnce = async (login: string, password: string): Promise<boolean> => {
    const stored = state.passwordHash
    if (stored === undefined || clock.now() < pausedUntil) return false
    const remembered = digest(`${stored}${login}\0${password}`)
    const good = right.has(remembered) || (login === 'admin' && password !== '' && await verify(password, stored))
    if (good && stored === state.passwordHash) right.add(remembered)
    failures = good ? 0 : failures + 1
    if (failures >= mostFailures) { failures = 0; pausedUntil = clock.now() + pauseMs }
    return good
  }
  /** One after the other, so that each failure counts before the next try. */
  let trying: Promise<unknown> = Promise.resolve()
  const checks = (login: string, password: string): Promise<boolean> => {
    const tried = trying.then(() => tryOnce(login, password))
    trying = tried.catch(() => {})
    return tried
  }
  const isToken = (token: string): boolean => {
    const found = state.tokens.find((one) => equal(one.hash, digest(token)))
    if (found !== undefined) found.used = clock.now()
    return found !== undefined
  }
  const sessionOf = (request: Request): string => /(?:^|;\s*)JWT-SESSION=([0-9a-f]+)/.exec(request.headers.get('cookie') ?? '')?.[1] ?? ''
  const setHash = (hashed: string): void => { state.passwordHash = hashed; right.clear(); sessions.clear() }
  /** What the Secret said last; the mount is looked at often and seldom says anything new. */
  let taken: string | undefined
  return {
    checks,
    setPassword: async (password) => setHash(await hash(password)),
    async isSignedIn(request) {
      const [, scheme = '', value = ''] = /^(Basic|Bearer) (\S+)$/i.exec(request.headers.get('authorization') ?? '') ?? []
      if (/bearer/i.test(scheme)) return isToken(value)
      if (scheme !== '') {
        const text = Buffer.from(value, 'base64').toString()
        const colon = text.indexOf(':')
        const [login, password] = [text.slice(0, colon < 0 ? undefined : colon), colon < 0 ? '' : text.slice(colon + 1)]
        return password === '' ? isToken(login) : checks(login, password)
      }
      const session = sessions.get(sessionOf(request))
      if (session === undefined || session.until < clock.now()) return false
      // A page elsewhere can send the cookie, but cannot read the token that must come with it.
      return request.method === 'GET' || equal(request.headers.get('x-xsrf-token') ?? '', session.xsrf)
    },
    async signIn(login, password) {
      if (!await checks(login, password)) return undefined
      for (const [key, { until }] of sessions) if (until < clock.now()) sessions.delete(key)
      const [token, xsrf] = [hex(24), hex(16)]
      sessions.set(token, { until: clock.now() + sessionMs, xsrf })
      return { cookies: [`JWT-SESSION=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${sessionMs / 1000}`, `XSRF-TOKEN=${xsrf}; Path=/; SameSite=Lax; Max-Age=${sessionMs / 1000}`] }
    },
    signOut: (request) => void sessions.delete(sessionOf(request)),
    async takeSecret(password) {
      if (password === taken) return false
      const known = state.secretHash !== undefined && await verify(password, state.secretHash)
      taken = password
      if (known) return false
      const hashed = await hash(password)
      state.secretHash = hashed
      setHash(hashed)
      return true
    },
    newToken(name) {
      const token = `squ_${hex(20)}`
      state.tokens.push({ name, hash: digest(token), created: clock.now() })
      return token
    },
  }
}
