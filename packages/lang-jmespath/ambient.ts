import { systemClock, systemRandom, type Clock, type Random } from '@idp/kit'

let clock: Pick<Clock, 'now'> = systemClock
let random: Random = systemRandom

/** The clock and randomness of the evaluation under way. Evaluations are synchronous, so one at a time is enough. */
export const ambient = {
  now: (): number => clock.now(),
  random: (): Random => random,
}

/** Runs `work` with another clock or randomness in place. */
export function withAmbient<T>(given: { readonly clock?: Pick<Clock, 'now'>; readonly random?: Random }, work: () => T): T {
  const [oldClock, oldRandom] = [clock, random]
  clock = given.clock ?? clock
  random = given.random ?? random
  try {
    return work()
  } finally {
    clock = oldClock
    random = oldRandom
  }
}
