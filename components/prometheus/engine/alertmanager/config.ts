import { CodedError } from '@idp/kit'
import { parseYaml } from '@idp/formats'
import { matcher, parseDuration, type Matcher, type MatchOperator } from '@idp/lang-promql'

export interface Route {
  readonly receiver: string
  /** Undefined: `...`, every label. */
  readonly groupBy: readonly string[] | undefined
  /** Milliseconds. */
  readonly groupWait: number
  readonly groupInterval: number
  readonly repeatInterval: number
  readonly matchers: readonly Matcher[]
  readonly continue: boolean
  readonly routes: readonly Route[]
}
/** Where notifications go: a URL that is posted to, with Alertmanager's own body or one that chat services take. */
export interface Notifier { readonly url: string; readonly sendResolved: boolean; readonly shape: 'webhook' | 'slack'; readonly channel?: string }
export interface Receiver { readonly name: string; readonly notifiers: readonly Notifier[] }
export interface InhibitRule { readonly source: readonly Matcher[]; readonly target: readonly Matcher[]; readonly equal: readonly string[] }
export interface AlertmanagerConfig { readonly route: Route; readonly receivers: readonly Receiver[]; readonly inhibit: readonly InhibitRule[] }

type Fields = Readonly<Record<string, unknown>>
const fault = (message: string, where: string): CodedError => new CodedError({ code: 'InvalidConfig', message, where })
const object = (value: unknown): Fields => (value !== null && typeof value === 'object' && !Array.isArray(value) ? value as Fields : {})
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** Reads `alertmanager.yaml`. Throws CodedError `InvalidConfig`; integrations that are not supported are refused by name. */
export function readAlertmanagerConfig(text: string, source: string): AlertmanagerConfig {
  const top = object(parseYaml(text, { source }))
  const receivers = list(top['receivers']).map((one) => readReceiver(object(one), source))
  const defaults = { receiver: '', groupBy: [] as readonly string[] | undefined, groupWait: 30_000, groupInterval: 300_000, repeatInterval: 4 * 3_600_000 }
  if (top['route'] === undefined) throw fault('no route provided in config', source)
  const route = readRoute(object(top['route']), defaults, source)
  const names = new Set(receivers.map(({ name }) => name))
  const check = ({ receiver, routes }: Route): void => {
    if (!names.has(receiver)) throw fault(`undefined receiver ${JSON.stringify(receiver)} used in route`, source)
    routes.forEach(check)
  }
  check(route)
  if (route.matchers.length > 0) throw fault('root route must not have any matchers', source)
  return { route, receivers, inhibit: list(top['inhibit_rules']).map((one) => readInhibit(object(one), source)) }
}

type Defaults = Pick<Route, 'receiver' | 'groupBy' | 'groupWait' | 'groupInterval' | 'repeatInterval'>

function readRoute(fields: Fields, above: Defaults, where: string): Route {
  const time = (name: string, otherwise: number): number => {
    if (fields[name] === undefined) return otherwise
    const ms = parseDuration(String(fields[name]))
    if (ms === undefined) throw fault(`${name}: not a valid duration string: ${JSON.stringify(fields[name])}`, where)
    return ms
  }
  const groupBy = fields['group_by'] === undefined ? above.groupBy : list(fields['group_by']).includes('...') ? undefined : list(fields['group_by']).map(String)
  const own: Defaults = {
    receiver: String(fields['receiver'] ?? above.receiver), groupBy, groupWait: time('group_wait', above.groupWait), groupInterval: time('group_interval', above.groupInterval), repeatInterval: time('repeat_interval', above.repeatInterval),
  }
  return { ...own, matchers: readMatchers(fields, 'matchers', 'match', 'match_re', where), continue: fields['continue'] === true, routes: list(fields['routes']).map((one) => readRoute(object(one), own, where)) }
}

function readMatchers(fields: Fields, texts: string, equal: string, regex: string, where: string): Matcher[] {
  return [
    ...list(fields[texts]).map((text) => readMatcher(String(text), where)),
    ...Object.entries(object(fields[equal])).map(([name, value]) => matcher(name, '=', String(value))), ...Object.entries(object(fields[regex])).map(([name, value]) => matcher(name, '=~', String(value))),
  ]
}

/** `severity="critical"`, quotes optional. */
export function readMatcher(text: string, where: string): Matcher {
  const [, name, op, value = ''] = /^\s*"?([^"=!~\s]+)"?\s*(=~|!~|!=|=)\s*"?((?:[^"\\]|\\.)*)"?\s*$/.exec(text) ?? []
  if (name === undefined || op === undefined) throw fault(`bad matcher format: ${text}`, where)
  return matcher(name, op as MatchOperator, value.replace(/\\(.)/g, '$1'))
}

function readReceiver(fields: Fields, where: string): Receiver {
  const name = String(fields['name'] ?? '')
  const unknown = Object.keys(fields).find((key) => !['name', 'webhook_configs', 'slack_configs'].includes(key))
  if (unknown !== undefined) throw fault(`receiver ${JSON.stringify(name)}: ${unknown} is not supported here; webhook_configs and slack_configs are`, where)
  const webhooks = list(fields['webhook_configs']).map((one): Notifier => ({ url: String(object(one)['url'] ?? ''), sendResolved: object(one)['send_resolved'] !== false, shape: 'webhook' }))
  const slack = list(fields['slack_configs']).map((one): Notifier => ({ url: String(object(one)['api_url'] ?? ''), sendResolved: object(one)['send_resolved'] === true, shape: 'slack', channel: String(object(one)['channel'] ?? '') }))
  const notifiers = [...webhooks, ...slack]
  if (notifiers.some(({ url }) => url === '')) throw fault(`receiver ${JSON.stringify(name)}: one of its integrations has no URL`, where)
  return { name, notifiers }
}

function readInhibit(fields: Fields, where: string): InhibitRule {
  return { source: readMatchers(fields, 'source_matchers', 'source_match', 'source_match_re', where), target: readMatchers(fields, 'target_matchers', 'target_match', 'target_match_re', where), equal: list(fields['equal']).map(String) }
}

/** The routes that take an alert: the deepest that match, several only where one says `continue`. */
export function routesOf(route: Route, labels: Readonly<Record<string, string>>): readonly Route[] {
  if (!route.matchers.every(({ label, matches }) => matches(labels[label] ?? ''))) return []
  const taken: Route[] = []
  for (const child of route.routes) {
    const found = routesOf(child, labels)
    taken.push(...found)
    if (found.length > 0 && !child.continue) break
  }
  return taken.length > 0 ? taken : [route]
}
