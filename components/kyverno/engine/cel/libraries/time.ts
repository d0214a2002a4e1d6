import { CelDuration, CelTimestamp, durationType, global, stringType, timestampType, type CelLibrary, type CelValue } from '@idp/lang-cel'

const perSecond = 1_000_000_000n
/** From Go's zero time (year 1) to 1970, which truncation counts from. */
const zeroSeconds = 62_135_596_800n

function truncate(at: CelTimestamp, { nanos }: CelDuration): CelTimestamp {
  if (nanos <= 0n) return at
  const total = (BigInt(at.seconds) + zeroSeconds) * perSecond + BigInt(at.nanos)
  const cut = total - (total % nanos)
  return new CelTimestamp(Number(cut / perSecond - zeroSeconds), Number(cut % perSecond))
}

function toCron(at: CelTimestamp): string {
  const date = new Date(at.seconds * 1000)
  return [date.getUTCMinutes(), date.getUTCHours(), date.getUTCDate(), date.getUTCMonth() + 1, date.getUTCDay()].join(' ')
}

/** `time.now()`, `time.truncate(t, d)`, `time.toCron(t)`. The present moment is that of `now`. */
export function timeLibrary(now: () => number): CelLibrary {
  const present = (): CelValue => {
    const ms = now()
    return new CelTimestamp(Math.floor(ms / 1000), (ms % 1000) * 1_000_000)
  }
  return {
    name: 'kyverno.time',
    functions: [
      { name: 'time.now', overloads: [global([], timestampType, present)] },
      { name: 'time.truncate', overloads: [global([timestampType, durationType], timestampType, (at, span) => truncate(at as CelTimestamp, span as CelDuration))] },
      { name: 'time.toCron', overloads: [global([timestampType], stringType, (at) => toCron(at as CelTimestamp))] },
    ],
  }
}
