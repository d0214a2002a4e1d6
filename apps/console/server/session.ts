import { createHash, timingSafeEqual } from 'node:crypto'
import type { Random } from '@idp/kit'

/** Who may look. The token of the printed link is good for one browser; what that browser keeps is good until the console ends. */
export interface Sessions {
  /** A new token for a link; the one before is void. */
  invite(): string
  /** Trades a link's token for a session; undefined when it is wrong or used up. */
  open(token: string): string | undefined
  knows(session: string): boolean
}

const hash = (text: string): Buffer => createHash('sha256').update(text).digest()

export function createSessions(random: Random): Sessions {
  const word = (): string => Buffer.from(random(24)).toString('base64url')
  const sessions: Buffer[] = []
  let invitation: Buffer | undefined
  return {
    invite() {
      const token = word()
      invitation = hash(token)
      return token
    },
    open(token) {
      if (invitation === undefined || !timingSafeEqual(invitation, hash(token))) return undefined
      invitation = undefined
      const session = word()
      sessions.push(hash(session))
      return session
    },
    knows: (session) => { const asked = hash(session); return sessions.some((known) => timingSafeEqual(known, asked)) },
  }
}
