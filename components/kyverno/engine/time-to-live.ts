import type { AnyObject } from '@idp/formats'

/** The label that says how long, or until when, an object lives. */
export const ttlLabel = 'cleanup.kyverno.io/ttl'

const units: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, 'µs': 1e-3, ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }
const duration = /^(?:(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d|w))+$/

/** When an object with a TTL label is due, in milliseconds since the epoch: its creation and a duration (`90s`, `2h30m`, `1d`), or a date (`2024-01-31`, `2024-01-31T103000Z`). Undefined without a label or with one that says nothing. */
export function dueAt({ metadata }: AnyObject): number | undefined {
  const text = metadata.labels?.[ttlLabel]
  if (text === undefined) return undefined
  if (duration.test(text)) {
    const created = Date.parse(metadata.creationTimestamp ?? '')
    return Number.isNaN(created) ? undefined : created + [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d|w)/g)].reduce((sum, [, amount, unit]) => sum + Number(amount) * (units[unit ?? ''] ?? 0), 0)
  }
  const [, date, hours, minutes, seconds] = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2})(\d{2})(\d{2})Z)?$/.exec(text) ?? []
  if (date === undefined) return undefined
  const time = Date.parse(`${date}T${hours ?? '00'}:${minutes ?? '00'}:${seconds ?? '00'}Z`)
  return Number.isNaN(time) ? undefined : time
}

/** How dependents of an object with a TTL go, from its annotation; the server decides without one. */
export function propagationOf({ metadata }: AnyObject): 'Foreground' | 'Background' | 'Orphan' | undefined {
  const asked = metadata.annotations?.['cleanup.kyverno.io/propagation-policy']
  return asked === 'Foreground' || asked === 'Background' || asked === 'Orphan' ? asked : undefined
}
