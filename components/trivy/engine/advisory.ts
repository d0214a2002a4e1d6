import { orderOf, type VersionOrder } from './version-order.ts'

export const severities = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW', 'UNKNOWN'] as const
export type Severity = (typeof severities)[number]

/** The part of the OSV schema (https://ossf.github.io/osv-schema/) that is read. */
export interface OsvRecord {
  readonly id: string
  readonly aliases?: readonly string[]
  readonly summary?: string
  readonly published?: string
  readonly modified?: string
  readonly withdrawn?: string
  readonly severity?: readonly { readonly type: string; readonly score: string }[]
  readonly affected?: readonly OsvAffected[]
  readonly references?: readonly { readonly type?: string; readonly url: string }[]
  readonly database_specific?: { readonly severity?: string; readonly score?: number }
}

export interface OsvAffected {
  readonly package?: { readonly ecosystem: string; readonly name: string }
  readonly ranges?: readonly { readonly type: string; readonly events: readonly OsvEvent[] }[]
  readonly versions?: readonly string[]
}

export interface OsvEvent { readonly introduced?: string; readonly fixed?: string; readonly last_affected?: string }

/** A package at a version, as OSV names it; `floating` when the version names a line of releases (`1.29`) and not one of them. */
export interface InstalledPackage { readonly ecosystem: string; readonly name: string; readonly version: string; readonly floating?: boolean }

export interface Match { readonly affected: boolean; readonly fixed: readonly string[] }

/** Whether a version lies in an advisory's ranges, and which later versions mend it. */
export function matchAffected(affected: OsvAffected, { version, floating = false }: InstalledPackage): Match {
  const order = orderOf(affected.package?.ecosystem ?? '')
  if (order === undefined) return { affected: false, fixed: [] }
  // A floating tag was pulled at a time nobody knows: it counts as the newest of its line, so that only what no release of the line mends is found.
  const installed = floating ? `${version}${'.999999'.repeat(Math.max(1, 3 - version.split('.').length))}` : version
  const fixed: string[] = []
  let found = affected.versions?.includes(version) === true
  for (const { type, events } of affected.ranges ?? []) {
    if (type === 'GIT') continue
    if (!inRange(events, installed, order)) continue
    found = true
    for (const event of events) if (event.fixed !== undefined && order(event.fixed, installed) > 0) fixed.push(event.fixed)
  }
  return { affected: found, fixed: [...new Set(fixed)].sort(order) }
}

/** OSV's evaluation: the last event at or before the version decides. */
function inRange(events: readonly OsvEvent[], version: string, order: VersionOrder): boolean {
  const at = (event: OsvEvent): string => event.introduced ?? event.fixed ?? event.last_affected ?? '0'
  const compareEvents = (a: OsvEvent, b: OsvEvent): number => (at(a) === '0' ? -1 : at(b) === '0' ? 1 : order(at(a), at(b)))
  let affected = false
  for (const event of [...events].sort(compareEvents)) {
    if (event.introduced !== undefined && (event.introduced === '0' || order(version, event.introduced) >= 0)) affected = true
    else if (event.fixed !== undefined && order(version, event.fixed) >= 0) affected = false
    else if (event.last_affected !== undefined && order(version, event.last_affected) > 0) affected = false
  }
  return affected
}
