import { rfc3339, uuid, type Random } from '@idp/kit'
import type { Labels } from '@idp/lang-promql'
import { fingerprintOf, groupsOf, statusOf, type Alert, type Silence } from './alerts.ts'
import { readMatcher, routesOf, type AlertmanagerConfig } from './config.ts'

/** What Alertmanager holds. */
export interface AlertState { readonly alerts: Map<string, Alert>; readonly silences: Map<string, Silence>; readonly config: () => AlertmanagerConfig; readonly configText: () => string; readonly now: () => number; readonly startedAt: number; readonly random: Random }

/** An alert without an end ends this long after it was last heard of. */
const resolveAfter = 5 * 60_000

const bad = (message: string): Response => Response.json(message, { status: 400 })

/** Alertmanager's API v2. Undefined: no such page. */
export async function answerAlertApi(request: Request, state: AlertState): Promise<Response | undefined> {
  const { pathname, searchParams } = new URL(request.url)
  const path = pathname.replace(/^\/api\/v2\//, '')
  const now = state.now()
  if (path === 'alerts' && request.method === 'POST') return postAlerts(await request.json() as Posted[], state)
  if (path === 'silences' && request.method === 'POST') return postSilence(await request.json() as PostedSilence, state)
  const [, id] = /^silence\/([\w-]+)$/.exec(path) ?? []
  if (id !== undefined) {
    const silence = state.silences.get(id)
    if (silence === undefined) return Response.json(`silence ${id} not found`, { status: 404 })
    if (request.method === 'DELETE') { silence.endsAt = Math.min(silence.endsAt, now); silence.updatedAt = now; return new Response('') }
    return Response.json(silenceData(silence, now))
  }
  if (request.method !== 'GET') return undefined
  switch (path) {
    case 'status': return Response.json({ cluster: { status: 'disabled', peers: [] }, config: { original: state.configText() }, uptime: rfc3339(state.startedAt), versionInfo: { version: '0.28.1', revision: 'idp', branch: 'idp', buildUser: 'idp', buildDate: '', goVersion: '' } })
    case 'receivers': return Response.json(state.config().receivers.map(({ name }) => ({ name })))
    case 'silences': return Response.json([...state.silences.values()].map((one) => silenceData(one, now)))
    case 'alerts': return Response.json(chosen(state, searchParams).map((alert) => alertData(alert, state)))
    case 'alerts/groups': return Response.json(groupsOf(chosen(state, searchParams), state.config()).map(({ labels, route, alerts }) => ({ labels, receiver: { name: route.receiver }, alerts: alerts.map((alert) => alertData(alert, state)) })))
    default: return undefined
  }
}

interface Posted { labels?: Labels; annotations?: Labels; startsAt?: string; endsAt?: string; generatorURL?: string }

function postAlerts(posted: readonly Posted[], { alerts, now }: AlertState): Response {
  if (!Array.isArray(posted)) return bad('a list of alerts is expected')
  for (const { labels = {} } of posted) if (Object.keys(labels).length === 0) return bad('at least one label pair required')
  for (const { labels = {}, annotations = {}, startsAt, endsAt, generatorURL = '' } of posted) {
    const fingerprint = fingerprintOf(labels)
    const known = alerts.get(fingerprint)
    const ends = endsAt === undefined ? NaN : Date.parse(endsAt)
    const starts = startsAt === undefined ? now() : Date.parse(startsAt)
    alerts.set(fingerprint, { fingerprint, labels, annotations, generatorURL, startsAt: known !== undefined && known.endsAt > now() ? Math.min(known.startsAt, starts) : starts, endsAt: Number.isNaN(ends) || ends <= 0 ? now() + resolveAfter : ends, updatedAt: now() })
  }
  return new Response('')
}

export interface PostedSilence { id?: string; matchers?: { name: string; value: string; isRegex?: boolean; isEqual?: boolean }[]; startsAt?: string; endsAt?: string; createdBy?: string; comment?: string }

/** Adds a silence, or changes the one whose id is given. */
export function postSilence(posted: PostedSilence, { silences, now, random }: AlertState): Response {
  const [startsAt, endsAt] = [Date.parse(posted.startsAt ?? rfc3339(now())), Date.parse(posted.endsAt ?? '')]
  if ((posted.matchers ?? []).length === 0) return bad('invalid silence: at least one matcher required')
  if (Number.isNaN(startsAt) || Number.isNaN(endsAt) || endsAt <= startsAt) return bad('invalid silence: end time must be after start time')
  const matchers = (posted.matchers ?? []).map(({ name, value, isRegex = false, isEqual = true }) => readMatcher(`${name}${isRegex ? (isEqual ? '=~' : '!~') : isEqual ? '=' : '!='}${JSON.stringify(value)}`, 'silence'))
  if (matchers.every(({ matches }) => matches(''))) return bad('invalid silence: at least one matcher must not match the empty string')
  const id = posted.id !== undefined && posted.id !== '' ? posted.id : uuid(random)
  silences.set(id, { id, matchers, startsAt: Math.max(startsAt, now()), endsAt, updatedAt: now(), createdBy: posted.createdBy ?? '', comment: posted.comment ?? '' })
  return Response.json({ silenceID: id })
}

function chosen({ alerts, config, silences, now }: AlertState, query: URLSearchParams): Alert[] {
  const filters = query.getAll('filter').map((text) => readMatcher(text, 'filter'))
  const off = (name: string): boolean => query.get(name) === 'false'
  const receiver = query.get('receiver')
  return [...alerts.values()].filter((alert) => {
    if (alert.endsAt <= now() || !filters.every(({ label, matches }) => matches(alert.labels[label] ?? ''))) return false
    const { state, silencedBy, inhibitedBy } = statusOf(alert, alerts.values(), silences.values(), config(), now())
    if (off('active') && state === 'active' || off('silenced') && silencedBy.length > 0 || off('inhibited') && inhibitedBy.length > 0) return false
    return receiver === null || routesOf(config().route, alert.labels).some((route) => route.receiver === receiver)
  })
}

function alertData(alert: Alert, { alerts, silences, config, now }: AlertState): unknown {
  const { fingerprint, labels, annotations, startsAt, endsAt, updatedAt, generatorURL } = alert
  return {
    fingerprint, labels, annotations, generatorURL, startsAt: rfc3339(startsAt), endsAt: rfc3339(endsAt), updatedAt: rfc3339(updatedAt), receivers: routesOf(config().route, labels).map(({ receiver }) => ({ name: receiver })),
    status: { ...statusOf(alert, alerts.values(), silences.values(), config(), now()), mutedBy: [] },
  }
}

function silenceData({ id, matchers, startsAt, endsAt, updatedAt, createdBy, comment }: Silence, now: number): unknown {
  return {
    id, createdBy, comment, startsAt: rfc3339(startsAt), endsAt: rfc3339(endsAt), updatedAt: rfc3339(updatedAt), status: { state: endsAt <= now ? 'expired' : startsAt > now ? 'pending' : 'active' },
    matchers: matchers.map(({ label, op, value }) => ({ name: label, value, isRegex: op.includes('~'), isEqual: !op.startsWith('!') })),
  }
}
