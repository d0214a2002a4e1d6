import { messageOf } from '@idp/kit'
import { instantQuery, labelsKey, parsePromql, staleMarker, type Labels, type SampleSource } from '@idp/lang-promql'
import type { Database, SeriesRef } from '@idp/tsdb'
import { expandAlert } from './alert-template.ts'
import type { AlertingRule, Rule, RuleGroup } from './rule-file.ts'

/** An alert that is pending, firing, or was resolved a short while ago. */
export interface ActiveAlert {
  readonly labels: Labels
  annotations: Readonly<Record<string, string>>
  state: 'pending' | 'firing' | 'inactive'
  /** Milliseconds since the epoch. */
  readonly activeAt: number
  firedAt: number
  resolvedAt: number
  keepFiringSince: number
  lastSent: number
  value: number
}

export interface RuleState { readonly rule: Rule; health: 'unknown' | 'ok' | 'err'; lastError: string; lastEvaluation: number; seconds: number; readonly alerts: Map<string, ActiveAlert>; last: Set<SeriesRef> }

export interface GroupState { readonly group: RuleGroup; readonly rules: readonly RuleState[]; lastEvaluation: number; seconds: number }

export interface RuleContext {
  readonly source: SampleSource
  readonly database: Pick<Database, 'series'>
  /** Adds one sample and keeps it. */
  readonly put: (series: SeriesRef, t: number, v: number) => void
  readonly externalLabels: Readonly<Record<string, string>>
  readonly externalUrl: string
}

/** A resolved alert is told for this long, so that the receiver surely hears of it. */
const resolvedRetention = 15 * 60_000

export function newGroup(group: RuleGroup): GroupState {
  return { group, lastEvaluation: 0, seconds: 0, rules: group.rules.map((rule) => ({ rule, health: 'unknown', lastError: '', lastEvaluation: 0, seconds: 0, alerts: new Map(), last: new Set() })) }
}

/** Evaluates the rules of a group one after the other, each seeing what those before it recorded. A rule that fails stops only itself. */
export function evaluateGroup(state: GroupState, now: number, elapsed: () => number, context: RuleContext): void {
  const began = elapsed()
  for (const one of state.rules) {
    const ruleBegan = elapsed()
    one.lastEvaluation = now
    try {
      const samples = one.rule.type === 'recording' ? recorded(one.rule.record, one.rule.labels, resultOf(one.rule, now, context)) : alerted(one, one.rule, now, context)
      write(one, samples, now, context)
      one.health = 'ok'
      one.lastError = ''
    } catch (error) {
      one.health = 'err'
      one.lastError = messageOf(error)
    }
    one.seconds = (elapsed() - ruleBegan) / 1000
  }
  state.lastEvaluation = now
  state.seconds = (elapsed() - began) / 1000
}

interface Sample { readonly labels: Labels; readonly value: number }

function resultOf({ expr }: Rule, now: number, { source }: RuleContext): readonly Sample[] {
  const { result } = instantQuery(expr, source, now)
  if (result.type === 'vector') return result.samples
  return result.type === 'scalar' ? [{ labels: {}, value: result.value }] : []
}

function recorded(name: string, labels: Readonly<Record<string, string>>, samples: readonly Sample[]): readonly Sample[] {
  return samples.map(({ labels: own, value }) => ({ labels: withLabels({ ...own, __name__: name }, labels), value }))
}

function withLabels(labels: Labels, more: Readonly<Record<string, string>>): Labels {
  return Object.fromEntries(Object.entries({ ...labels, ...more }).filter(([, value]) => value !== ''))
}

/** Series that a rule no longer gives end. */
function write(state: RuleState, samples: readonly Sample[], now: number, { database, put }: RuleContext): void {
  const current = new Set<SeriesRef>()
  for (const { labels, value } of samples) {
    const series = database.series(labels)
    current.add(series)
    put(series, now, value)
  }
  for (const series of state.last) if (!current.has(series)) put(series, now, staleMarker)
  state.last = current
}

function alerted(state: RuleState, rule: AlertingRule, now: number, context: RuleContext): readonly Sample[] {
  const query = (text: string): readonly Sample[] => {
    const expr = instantQuery(parsePromql(text), context.source, now).result
    return expr.type === 'vector' ? expr.samples : []
  }
  const active = new Set<string>()
  for (const { labels: found, value } of resultOf(rule, now, context)) {
    const { __name__: _, ...own } = found
    const expand = (text: string): string => expandAlert(text, { labels: own, externalLabels: context.externalLabels, externalUrl: context.externalUrl, value }, query, () => now)
    const labels = withLabels({ ...own, ...mapped(rule.labels, expand) }, { alertname: rule.alert })
    const key = labelsKey(labels)
    if (active.has(key)) throw new Error('vector contains metrics with the same labelset after applying alert labels')
    active.add(key)
    const annotations = mapped(rule.annotations, expand)
    const known = state.alerts.get(key)
    if (known !== undefined && known.state !== 'inactive') Object.assign(known, { value, annotations, keepFiringSince: 0 })
    else state.alerts.set(key, { labels, annotations, value, state: 'pending', activeAt: now, firedAt: 0, resolvedAt: 0, keepFiringSince: 0, lastSent: 0 })
  }
  const samples: Sample[] = []
  for (const [key, alert] of state.alerts) {
    advance(alert, active.has(key), rule, now)
    if (alert.state === 'inactive') {
      if (alert.firedAt === 0 || now - alert.resolvedAt > resolvedRetention) state.alerts.delete(key)
      continue
    }
    samples.push({ labels: { ...alert.labels, __name__: 'ALERTS', alertstate: alert.state }, value: 1 }, { labels: { ...alert.labels, __name__: 'ALERTS_FOR_STATE' }, value: alert.activeAt / 1000 })
  }
  return samples
}

function advance(alert: ActiveAlert, active: boolean, rule: AlertingRule, now: number): void {
  if (!active && alert.state !== 'inactive') {
    if (alert.state === 'firing' && rule.keepFiringFor > 0) {
      if (alert.keepFiringSince === 0) alert.keepFiringSince = now
      if (now - alert.keepFiringSince < rule.keepFiringFor) return
    }
    alert.state = 'inactive'
    alert.resolvedAt = now
  } else if (active && alert.state === 'pending' && now - alert.activeAt >= rule.for) {
    alert.state = 'firing'
    alert.firedAt = now
  }
}

const mapped = (texts: Readonly<Record<string, string>>, expand: (text: string) => string): Record<string, string> => Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, expand(text)]))
