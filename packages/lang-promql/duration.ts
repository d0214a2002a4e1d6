const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000, y: 365 * 86_400_000 }
const shape = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/
const units = ['y', 'w', 'd', 'h', 'm', 's', 'ms']

/** Milliseconds of `1h30m`; undefined when it is no duration. The zero duration is `0` or `0s`. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  const found = shape.exec(text)
  if (found === null || text === '') return undefined
  return units.reduce((sum, unit, index) => sum + Number(found[index + 1] ?? 0) * (unitMs[unit] ?? 0), 0)
}

/** `90000` as `1m30s`, the way Prometheus prints durations. */
export function durationText(ms: number): string {
  if (ms === 0) return '0s'
  let left = Math.abs(ms)
  let text = ms < 0 ? '-' : ''
  for (const unit of units) {
    const size = unitMs[unit] ?? 1
    // Weeks and years only where they fit exactly: `8d`, not `1w1d`.
    if ((unit === 'y' || unit === 'w') && left % size !== 0) continue
    const count = Math.floor(left / size)
    if (count > 0) text += `${count}${unit}`
    left -= count * size
  }
  return text
}

/** A number as PromQL writes it: decimal, hexadecimal, with underscores, `Inf`, `NaN`, or a duration in seconds. */
export function parseNumber(text: string): number | undefined {
  const plain = text.replaceAll('_', '').toLowerCase()
  const sign = plain.startsWith('-') ? -1 : 1
  const digits = plain.replace(/^[+-]/, '')
  if (digits === 'inf') return sign * Infinity
  if (digits === 'nan') return NaN
  if (/^(0x[0-9a-f]+|(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?)$/.test(digits)) {
    return sign * (/^0[0-7]+$/.test(digits) ? parseInt(digits, 8) : Number(digits))
  }
  const duration = parseDuration(digits)
  return duration === undefined ? undefined : (sign * duration) / 1000
}
