import { sleep, type Clock } from '@idp/kit'

/** Looks every 20 ms at something that tells nobody when it changes (another process); false when `timeoutMs` passed first. */
export async function sleepUntil(clock: Clock, condition: () => boolean, timeoutMs: number): Promise<boolean> {
  const deadline = clock.now() + timeoutMs
  while (!condition()) {
    if (clock.now() > deadline) return false
    await sleep(clock, 20)
  }
  return true
}
