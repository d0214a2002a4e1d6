import { GoError } from '../go-error.ts'
import { quoteGo } from '../quote.ts'

const units: Readonly<Record<string, bigint>> = {
  ns: 1n, us: 1_000n, µs: 1_000n, μs: 1_000n, ms: 1_000_000n, s: 1_000_000_000n, m: 60_000_000_000n, h: 3_600_000_000_000n,
}

/** time.ParseDuration: nanoseconds of texts such as `1h30m`, `-1.5s`. Throws GoError with Go's message. */
export function parseDuration(text: string): bigint {
  const match = /^([+-]?)(.*)$/s.exec(text)
  const body = match?.[2] ?? ''
  if (body === '0') return 0n
  const invalid = () => new GoError(`time: invalid duration ${quoteGo(text)}`)
  if (body === '') throw invalid()
  let total = 0n
  let rest = body
  while (rest !== '') {
    const number = /^(\d*)(?:\.(\d*))?/.exec(rest)
    if (number === null || ((number[1] ?? '') === '' && (number[2] ?? '') === '')) throw invalid()
    rest = rest.slice(number[0].length)
    const name = /^[^\d.]+/.exec(rest)?.[0]
    if (name === undefined) throw new GoError(`time: missing unit in duration ${quoteGo(text)}`)
    const unit = units[name]
    if (unit === undefined) throw new GoError(`time: unknown unit ${quoteGo(name)} in duration ${quoteGo(text)}`)
    rest = rest.slice(name.length)
    const fraction = number[2] ?? ''
    total += BigInt(number[1] || '0') * unit + (fraction === '' ? 0n : (BigInt(fraction) * unit) / 10n ** BigInt(fraction.length))
    if (total > 2n ** 63n) throw invalid()
  }
  return match?.[1] === '-' ? -total : total
}

/** Rounded to a multiple of a unit, half away from zero. */
export function roundDuration(nanos: bigint, unit: bigint): bigint {
  if (unit <= 0n) return nanos
  const size = nanos < 0n ? -nanos : nanos
  const rest = size % unit
  const rounded = rest * 2n < unit ? size - rest : size + unit - rest
  return nanos < 0n ? -rounded : rounded
}
