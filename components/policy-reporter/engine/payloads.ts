import type { Json } from '@idp/formats'
import type { ResultRow } from './results.ts'
import type { Target } from './target-config.ts'

/** One request to a target. */
export interface Delivery { readonly url: string; readonly body: Json; readonly headers: Readonly<Record<string, string>> }

/** The requests that bring results to a target, in the shapes that Policy Reporter sends: Loki takes a batch, the others one result each. */
export function deliveries(target: Target, rows: readonly ResultRow[], now: number): Delivery[] {
  const headers = { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'Policy-Reporter', ...authorization(target), ...target.headers }
  if (rows.length === 0) return []
  if (target.type === 'loki') return [{ url: `${target.url.replace(/\/$/, '')}${target.path === '' ? '/loki/api/v1/push' : target.path}`, headers, body: { streams: rows.map((row) => lokiStream(row, target, now)) } }]
  return rows.map((row) => ({ url: target.url, headers, body: target.type === 'slack' ? slackMessage(row, target) : webhookResult(row, target) }))
}

const authorization = ({ username, password }: Target): Record<string, string> => (username === '' ? {} : { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` })

function webhookResult(row: ResultRow, { customFields }: Target): Json {
  const properties = { ...customFields, ...row.properties }
  return {
    message: row.message, policy: row.policy, rule: row.rule, priority: '', status: row.status, ...(row.severity === '' ? {} : { severity: row.severity }), ...(row.category === '' ? {} : { category: row.category }), scored: row.scored,
    ...(Object.keys(properties).length === 0 ? {} : { properties }),
    resource: { apiVersion: row.apiVersion, kind: row.kind, name: row.name, ...(row.namespace === undefined ? {} : { namespace: row.namespace }), uid: row.uid },
    creationTimestamp: new Date(row.timestamp * 1000).toISOString().replace('.000Z', 'Z'), source: row.source,
  }
}

function lokiStream(row: ResultRow, { customFields }: Target, now: number): Json {
  const plain = Object.entries({ rule: row.rule, category: row.category, severity: row.severity, source: row.source, apiVersion: row.apiVersion, kind: row.kind, name: row.name, namespace: row.namespace ?? '' }).filter(([, value]) => value !== '')
  const own = Object.entries({ ...row.properties, ...customFields }).map(([key, value]) => [key.replaceAll('.', '_').replaceAll(/[[\]]/g, ''), value.replaceAll('/', '')])
  const nanos = `${row.timestamp === 0 ? now : row.timestamp * 1000}000000`
  return { stream: { status: row.status, policy: row.policy, createdBy: 'policy-reporter', ...Object.fromEntries(plain), ...Object.fromEntries(own) }, values: [[nanos, `[${row.severity.toUpperCase()}] ${row.message}`]] }
}

const colours: Readonly<Record<string, string>> = { info: '#68c2ff', low: '#36a64f', medium: '#f2c744', high: '#b80707', critical: '#e20b0b' }
const markdown = (title: string, text: string): Json => ({ type: 'mrkdwn', text: `*${title}*\n${text}` })
const fields = (...list: readonly (readonly [string, string])[]): Json[] => {
  const kept = list.filter(([, text]) => text !== '')
  return kept.length === 0 ? [] : [{ type: 'section', fields: kept.map(([title, text]) => markdown(title, text)) }]
}

function slackMessage(row: ResultRow, { channel, customFields }: Target): Json {
  const properties = Object.entries({ ...row.properties, ...customFields })
  return {
    ...(channel === '' ? {} : { channel }),
    attachments: [{
      ...(colours[row.severity] === undefined ? {} : { color: colours[row.severity] ?? '' }),
      blocks: [
        { type: 'header', text: { type: 'plain_text', text: 'New Policy Report Result' } }, ...fields(['Policy', row.policy], ['Rule', row.rule]),
        { type: 'section', text: markdown('Message', row.message) }, ...fields(['Status', row.status]), ...fields(['Category', row.category], ['Severity', row.severity]),
        { type: 'section', text: { type: 'mrkdwn', text: '*Resource*' } }, ...fields(['Kind', row.kind], ['API Version', row.apiVersion]), ...fields(['Name', row.name], ['UID', row.uid]), ...fields(['Namespace', row.namespace ?? '']),
        ...(properties.length === 0 ? [] : [{ type: 'section', text: { type: 'mrkdwn', text: '*Properties*' } } as Json, ...fields(...properties.map(([key, value]): [string, string] => [`${key.slice(0, 1).toUpperCase()}${key.slice(1)}`, value]))]),
      ],
    }],
  }
}
