import { rfc3339 } from '@idp/kit'
import type { ActiveAlert, GroupState } from './evaluate-rules.ts'
import { relabel, type RelabelRule } from './relabel.ts'

/** An alert as Alertmanager's API takes it (`POST /api/v2/alerts`). */
export interface PostedAlert { readonly labels: Readonly<Record<string, string>>; readonly annotations: Readonly<Record<string, string>>; readonly startsAt: string; readonly endsAt: string; readonly generatorURL: string }

/** An alert is told again after this long, whether it changed or not; unless told again it ends at the receiver after four times as long. */
const resendMs = 60_000

export interface MessageOptions { readonly now: number; readonly externalLabels: Readonly<Record<string, string>>; readonly externalUrl: string; readonly rules: readonly RelabelRule[] }

/** The alerts of a group that are due to be told, marked as told. */
export function dueAlerts({ rules, group }: GroupState, options: MessageOptions): PostedAlert[] {
  const { now } = options
  return rules.flatMap(({ rule, alerts }) => [...alerts.values()].filter((alert) => isDue(alert, now)).flatMap((alert) => {
    alert.lastSent = now
    const labels = relabel(new Map([...Object.entries(options.externalLabels), ...Object.entries(alert.labels)]), options.rules)
    if (labels === undefined) return []
    const ends = alert.state === 'inactive' ? alert.resolvedAt : now + 4 * Math.max(resendMs, group.interval)
    return [{ labels: Object.fromEntries(labels), annotations: alert.annotations, startsAt: rfc3339(alert.firedAt), endsAt: rfc3339(ends), generatorURL: `${options.externalUrl}/graph?g0.expr=${encodeURIComponent(rule.query)}&g0.tab=1` }]
  }))
}

function isDue(alert: ActiveAlert, now: number): boolean {
  if (alert.state === 'pending' || alert.firedAt === 0) return false
  return alert.state === 'inactive' ? alert.lastSent < alert.resolvedAt || now - alert.lastSent >= resendMs : alert.lastSent < alert.firedAt || now - alert.lastSent >= resendMs
}
