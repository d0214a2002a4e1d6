import { rfc3339, type Clock } from '@idp/kit'

let second = Number.NaN
let text = ''

/** The present as Kubernetes writes it. Every write asks for it, many times in a second. */
export function timeText(clock: Clock): string {
  const now = Math.floor(clock.now() / 1000)
  if (now !== second) {
    second = now
    text = rfc3339(now * 1000)
  }
  return text
}
