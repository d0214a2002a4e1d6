import { rfc3339 } from '@idp/kit'
import { builtins, fn, mapOf, TemplateSet, type FunctionTable } from '@idp/lang-gotemplate'
import { numberText } from '@idp/lang-promql'

export interface TemplateData { readonly labels: Readonly<Record<string, string>>; readonly externalLabels: Readonly<Record<string, string>>; readonly externalUrl: string; readonly value: number }
export type TemplateQuery = (query: string) => readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[]

/** A sample as templates see it. */
interface SampleValue { readonly Labels: Readonly<Record<string, unknown>>; readonly Value: number }

const prelude = '{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}'

/** Fills in a label or annotation of an alert. A template that fails says so in its place, as upstream's does. */
export function expandAlert(text: string, data: TemplateData, query: TemplateQuery, now: () => number): string {
  if (!text.includes('{{')) return text
  try {
    const set = new TemplateSet(functions(query, now))
    set.parse('alert', prelude + text)
    return set.execute('alert', record({ Labels: record(data.labels), ExternalLabels: record(data.externalLabels), ExternalURL: data.externalUrl, Value: data.value }), { now })
  } catch (error) {
    return `<error expanding template: ${error instanceof Error ? error.message : String(error)}>`
  }
}

const record = (fields: Readonly<Record<string, unknown>>): ReturnType<typeof mapOf> => mapOf(Object.entries(fields))
const number = (value: unknown): number => (typeof value === 'number' ? value : Number(String(value)))

/** Four significant digits, as Go's `%.4g`. */
function short(value: number): string {
  if (!Number.isFinite(value)) return numberText(value)
  const text = value.toPrecision(4)
  return text.includes('e') ? text.replace(/\.?0+e/, 'e').replace(/e([+-])(\d)$/, 'e$10$2') : text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

function humanize(value: number, base: number, prefixes: readonly string[], small: readonly string[]): string {
  if (value === 0 || !Number.isFinite(value)) return short(value)
  let [scaled, prefix] = [value, '']
  if (Math.abs(value) >= 1) for (const one of prefixes) { if (Math.abs(scaled) < base) break; prefix = one; scaled /= base }
  else for (const one of small) { if (Math.abs(scaled) >= 1) break; prefix = one; scaled *= base }
  return `${short(scaled)}${prefix}`
}

function humanizeDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return short(seconds)
  if (seconds === 0) return '0s'
  if (Math.abs(seconds) < 1) return `${humanize(seconds, 1000, [], ['m', 'u', 'n'])}s`
  const [sign, whole] = [seconds < 0 ? '-' : '', Math.floor(Math.abs(seconds))]
  const [days, hours, minutes, rest] = [Math.floor(whole / 86_400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60]
  if (days > 0) return `${sign}${days}d ${hours}h ${minutes}m ${rest}s`
  if (hours > 0) return `${sign}${hours}h ${minutes}m ${rest}s`
  if (minutes > 0) return `${sign}${minutes}m ${rest}s`
  return `${sign}${short(Math.abs(seconds))}s`
}

function functions(query: TemplateQuery, now: () => number): FunctionTable {
  const sample = (labels: Readonly<Record<string, string>>, value: number) => record({ Labels: record(labels), Value: value })
  return new Map([
    ...builtins,
    ['query', fn('string', (text: string) => query(text).map(({ labels, value }) => sample(labels, value)))],
    ['first', fn('any', (samples: unknown) => { if (!Array.isArray(samples) || samples.length === 0) throw new Error('first() called on vector with no elements'); return samples[0] as unknown })],
    ['value', fn('any', (one: unknown) => (one as SampleValue).Value)],
    ['label', fn('string any', (name: string, one: unknown) => (one as SampleValue).Labels[name] ?? '')],
    ['humanize', fn('any', (value: unknown) => humanize(number(value), 1000, ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'], ['m', 'u', 'n', 'p', 'f', 'a', 'z', 'y']))],
    ['humanize1024', fn('any', (value: unknown) => humanize(number(value), 1024, ['ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei', 'Zi', 'Yi'], []))],
    ['humanizeDuration', fn('any', (value: unknown) => humanizeDuration(number(value)))],
    ['humanizePercentage', fn('any', (value: unknown) => `${short(number(value) * 100)}%`)],
    ['humanizeTimestamp', fn('any', (value: unknown) => rfc3339(number(value) * 1000).replace('T', ' ').replace('Z', ' +0000 UTC'))],
    ['title', fn('string', (text: string) => text.replace(/\b\w/g, (letter) => letter.toUpperCase()))],
    ['toUpper', fn('string', (text: string) => text.toUpperCase())],
    ['toLower', fn('string', (text: string) => text.toLowerCase())],
    ['stripPort', fn('string', (text: string) => text.replace(/:\d+$/, ''))],
    ['now', fn('', () => now() / 1000)],
  ])
}
