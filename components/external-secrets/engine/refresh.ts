import type { Secret } from '@idp/api'
import { names, type ExternalSecret } from '../kinds/external-secrets.ts'
import { parseGoDuration } from './go-duration.ts'
import { dataHash, resourceVersionOf } from './object-hash.ts'
import { secretMapOf } from './secret-map.ts'

const HOUR = 3_600_000

/** Milliseconds between refreshes; 0 for never. */
export function refreshInterval({ spec }: ExternalSecret): number {
  return Math.max(0, parseGoDuration(spec.refreshInterval ?? '1h') ?? HOUR)
}

/** True when the source must be read whether it changed or not. @param remembered when it was last read, for definitions whose status cannot say it */
export function isRefreshDue(externalSecret: ExternalSecret, now: number, remembered: number | undefined): boolean {
  const { metadata, spec, status } = externalSecret
  const synced = status?.syncedResourceVersion !== undefined && status.syncedResourceVersion !== ''
  const unchanged = status?.syncedResourceVersion === resourceVersionOf(metadata)
  const at = status?.refreshTime === undefined ? remembered : Date.parse(status.refreshTime)
  if (spec.refreshPolicy === 'CreatedOnce') return !synced
  if (spec.refreshPolicy === 'OnChange') return !synced || !unchanged
  const interval = refreshInterval(externalSecret)
  if (interval === 0 && synced) return false
  return !unchanged || at === undefined || at > now + 1000 || at + interval <= now
}

/** True when a change of the source is to be looked for between refreshes. */
export function followsSource(externalSecret: ExternalSecret): boolean {
  return (externalSecret.spec.refreshPolicy ?? 'Periodic') === 'Periodic' && refreshInterval(externalSecret) > 0
}

/** Is the Secret as we left it? */
export function isSecretValid(secret: Secret | undefined, { spec }: ExternalSecret): boolean {
  if (spec.target?.creationPolicy === 'Orphan' || spec.target?.creationPolicy === 'None') return true
  return secret?.metadata.labels?.[names.managed] === 'true' && secret.metadata.annotations?.[names.dataHash] === hashOf(secret)
}

/** By object: what the cache holds is never changed in place, and is asked about every second. */
const hashes = new WeakMap<Secret, string>()

function hashOf(secret: Secret): string {
  let hash = hashes.get(secret)
  if (hash === undefined) hashes.set(secret, (hash = dataHash(secretMapOf(secret))))
  return hash
}

export function msUntilRefresh(externalSecret: ExternalSecret, refreshedAt: number, now: number): number | undefined {
  const interval = refreshInterval(externalSecret)
  if (interval === 0 || (externalSecret.spec.refreshPolicy ?? 'Periodic') !== 'Periodic') return undefined
  return Math.max(0, refreshedAt + interval - now)
}
