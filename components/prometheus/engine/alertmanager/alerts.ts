import { createHash } from 'node:crypto'
import { rfc3339 } from '@idp/kit'
import { labelsKey, matchesAll, pickLabels, type Labels, type Matcher } from '@idp/lang-promql'
import { routesOf, type AlertmanagerConfig, type Notifier, type Route } from './config.ts'

export interface Alert { readonly fingerprint: string; readonly labels: Labels; readonly annotations: Labels; readonly startsAt: number; endsAt: number; updatedAt: number; readonly generatorURL: string }
export interface Silence { readonly id: string; readonly matchers: readonly Matcher[]; readonly startsAt: number; endsAt: number; updatedAt: number; readonly createdBy: string; readonly comment: string }

export const fingerprintOf = (labels: Labels): string => createHash('sha256').update(labelsKey(labels)).digest('hex').slice(0, 16)

export interface AlertStatus { readonly state: 'active' | 'suppressed'; readonly silencedBy: readonly string[]; readonly inhibitedBy: readonly string[] }

/** What silences and inhibition make of an alert. */
export function statusOf(alert: Alert, alerts: Iterable<Alert>, silences: Iterable<Silence>, { inhibit }: AlertmanagerConfig, now: number): AlertStatus {
  const silencedBy = [...silences].filter((silence) => silence.startsAt <= now && silence.endsAt > now && matchesAll(alert.labels, silence.matchers)).map(({ id }) => id)
  const inhibitedBy = inhibit.filter(({ target }) => matchesAll(alert.labels, target)).flatMap(({ source, target, equal }) => [...alerts]
    .filter((other) => other.endsAt > now && matchesAll(other.labels, source) && !(matchesAll(other.labels, target) && matchesAll(alert.labels, source)) && equal.every((name) => (other.labels[name] ?? '') === (alert.labels[name] ?? ''))).map(({ fingerprint }) => fingerprint))
  return { state: silencedBy.length + inhibitedBy.length > 0 ? 'suppressed' : 'active', silencedBy, inhibitedBy: [...new Set(inhibitedBy)] }
}

/** Alerts that are told together. */
export interface Group { readonly key: string; readonly route: Route; readonly labels: Labels; readonly alerts: readonly Alert[] }

export function groupsOf(alerts: Iterable<Alert>, config: AlertmanagerConfig): Group[] {
  const groups = new Map<string, { route: Route; labels: Labels; alerts: Alert[] }>()
  const places = new Map<Route, string>()
  for (const alert of alerts) {
    for (const route of routesOf(config.route, alert.labels)) {
      const labels = route.groupBy === undefined ? alert.labels : pickLabels(alert.labels, route.groupBy)
      if (!places.has(route)) places.set(route, pathOf(config.route, route) ?? '{}')
      const key = `${places.get(route) ?? ''}:{${Object.entries(labels).sort().map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ')}}`
      const group = groups.get(key) ?? { route, labels, alerts: [] }
      group.alerts.push(alert)
      groups.set(key, group)
    }
  }
  return [...groups].map(([key, group]) => ({ key, ...group }))
}

function pathOf(from: Route, to: Route): string | undefined {
  if (from === to) return '{}'
  for (const child of from.routes) {
    const below = pathOf(child, to)
    if (below !== undefined) return `{}/{${child.matchers.map(({ label, op, value }) => `${label}${op}${JSON.stringify(value)}`).join(',')}}${below.slice(2)}`
  }
  return undefined
}

/** What is posted for a group (webhook version 4, or a message as Slack takes it). */
export function notification({ key, labels, alerts, route }: Group, notifier: Notifier, externalUrl: string, now: number): unknown {
  const told = alerts.filter((alert) => notifier.sendResolved || alert.endsAt > now)
  const firing = told.filter((alert) => alert.endsAt > now)
  const status = firing.length > 0 ? 'firing' : 'resolved'
  if (notifier.shape === 'slack') {
    const title = `[${status.toUpperCase()}${status === 'firing' ? `:${firing.length}` : ''}] ${Object.values(labels).join(' ')}`
    return { channel: notifier.channel, username: 'Alertmanager', attachments: [{ title, title_link: `${externalUrl}/#/alerts?receiver=${encodeURIComponent(route.receiver)}`, text: told.map((alert) => alert.annotations['summary'] ?? alert.annotations['description'] ?? alert.labels['alertname'] ?? '').join('\n'), fallback: title, color: status === 'firing' ? 'danger' : 'good' }] }
  }
  const common = (read: (alert: Alert) => Labels): Labels => Object.fromEntries(Object.entries(told[0] === undefined ? {} : read(told[0])).filter(([name, value]) => told.every((alert) => read(alert)[name] === value)))
  return {
    version: '4', groupKey: key, truncatedAlerts: 0, status, receiver: route.receiver, groupLabels: labels, commonLabels: common((alert) => alert.labels), commonAnnotations: common((alert) => alert.annotations), externalURL: externalUrl,
    alerts: told.map((alert) => ({ status: alert.endsAt > now ? 'firing' : 'resolved', labels: alert.labels, annotations: alert.annotations, startsAt: rfc3339(alert.startsAt), endsAt: alert.endsAt > now ? '0001-01-01T00:00:00Z' : rfc3339(alert.endsAt), generatorURL: alert.generatorURL, fingerprint: alert.fingerprint })),
  }
}
