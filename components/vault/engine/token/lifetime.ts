export interface LifetimeOptions {
  /** Asked for; 0 for the default. */
  readonly increment: number
  readonly period?: number
  /** Of the role or method; 0 where not set. */
  readonly ttl?: number
  readonly maxTtl?: number
  readonly explicitMaxTtl?: number
  /** Seconds since the token or lease was made. */
  readonly age: number
  readonly mount: { readonly default: number; readonly max: number }
}

/**
 * How long a token or lease may live from now on, in seconds, as upstream computes it: a period is renewed for ever and
 * bound by the explicit maximum only; else the ask is cut at the smallest maximum, counted from the beginning.
 */
export function lifetime({ increment, period = 0, ttl = 0, maxTtl = 0, explicitMaxTtl = 0, age, mount }: LifetimeOptions): { readonly ttl: number; readonly warnings: string[] } {
  const warnings: string[] = []
  const asked = increment > 0 ? increment : ttl > 0 ? ttl : mount.default
  const cut = (wanted: number, limit: number, what: string): number => {
    const left = limit - age
    if (wanted <= left) return wanted
    if (increment > 0) warnings.push(`TTL of "${formatSeconds(wanted)}" exceeded the effective ${what} of "${formatSeconds(Math.max(left, 0))}"; TTL value is capped accordingly`)
    return Math.max(left, 0)
  }
  let value = period > 0 ? Math.min(period, mount.max) : asked
  if (period === 0) value = cut(value, Math.min(maxTtl > 0 ? maxTtl : mount.max, mount.max), 'max_ttl')
  if (explicitMaxTtl > 0) value = cut(value, explicitMaxTtl, 'explicit_max_ttl')
  return { ttl: value, warnings }
}

const formatSeconds = (s: number): string => `${Math.floor(s / 3600)}h${Math.floor((s % 3600) / 60)}m${s % 60}s`
