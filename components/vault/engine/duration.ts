import { badRequest } from './vault-error.ts'

const unitSeconds: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600, d: 86_400 }

/** Seconds of a number, of digits, or of a Go duration such as `1h30m` (also `7d`). @throws VaultError 400 */
export function parseDuration(value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return Math.trunc(value)
  if (typeof value !== 'string') throw badRequest(`error parsing duration: ${JSON.stringify(value)} is not one`)
  const text = value.trim()
  if (text === '' || text === '0') return 0
  if (/^-?\d+$/.test(text)) return Number(text)
  if (!/^-?(\d+(\.\d+)?(ns|us|µs|ms|s|m|h|d))+$/.test(text)) throw badRequest(`error parsing duration: time: invalid duration ${JSON.stringify(text)}`)
  let seconds = 0
  for (const [, number = '', unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/g)) seconds += Number(number) * (unitSeconds[unit] ?? 0)
  return text.startsWith('-') ? -seconds : Math.trunc(seconds)
}

/** As Go prints a duration: `1h30m0s`. */
export function formatDuration(seconds: number): string {
  if (seconds === 0) return '0s'
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60]
  return h > 0 ? `${h}h${m}m${s}s` : m > 0 ? `${m}m${s}s` : `${s}s`
}

/** RFC 3339 with nanoseconds, as Go prints times of the clock. */
export const goTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, -1)}000000Z`
