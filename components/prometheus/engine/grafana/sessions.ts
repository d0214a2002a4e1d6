import { timingSafeEqual } from 'node:crypto'
import type { Clock, Random } from '@idp/kit'

const lifetimeMs = 7 * 86_400_000
/** Wrong passwords from then on are refused for a while, whoever sends them. */
const mostFailures = 10
const pauseMs = 30_000

/** Who is signed in: a session cookie, or user and password with each request. */
export interface Sessions {
  /** A new session's cookie, or undefined when user or password are wrong. */
  signIn(user: string, password: string): string | undefined
  signOut(request: Request): void
  isSignedIn(request: Request): boolean
}

export function createSessions({ user, password, clock, random }: { readonly user: string; readonly password: string; readonly clock: Clock; readonly random: Random }): Sessions {
  const sessions = new Map<string, number>()
  let failures = 0
  let pausedUntil = 0
  const matches = (a: string, b: string): boolean => { const [x, y] = [Buffer.from(a), Buffer.from(b)]; return x.length === y.length && timingSafeEqual(x, y) }
  const check = (name: string, secret: string): boolean => {
    if (clock.now() < pausedUntil || password === '') return false
    const good = matches(name, user) && matches(secret, password)
    failures = good ? 0 : failures + 1
    if (failures >= mostFailures) { failures = 0; pausedUntil = clock.now() + pauseMs }
    return good
  }
  const tokenOf = (request: Request): string => /(?:^|;\s*)grafana_session=([0-9a-f]+)/.exec(request.headers.get('cookie') ?? '')?.[1] ?? ''
  return {
    signIn(name, secret) {
      if (!check(name, secret)) return undefined
      const token = Buffer.from(random(16)).toString('hex')
      sessions.set(token, clock.now() + lifetimeMs)
      return `grafana_session=${token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${lifetimeMs / 1000}`
    },
    signOut: (request) => void sessions.delete(tokenOf(request)),
    isSignedIn(request) {
      const until = sessions.get(tokenOf(request))
      if (until !== undefined && until > clock.now()) return true
      const [, encoded] = /^Basic (\S+)$/i.exec(request.headers.get('authorization') ?? '') ?? []
      if (encoded === undefined) return false
      const text = Buffer.from(encoded, 'base64').toString()
      return check(text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1))
    },
  }
}
