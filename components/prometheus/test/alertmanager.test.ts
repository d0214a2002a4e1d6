import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCoded, rfc3339, seededRandom } from '@idp/kit'
import { fingerprintOf, groupsOf, notification, type Alert, type Silence } from '../engine/alertmanager/alerts.ts'
import { answerAlertApi, type AlertState } from '../engine/alertmanager/api.ts'
import { readAlertmanagerConfig, routesOf } from '../engine/alertmanager/config.ts'

const config = readAlertmanagerConfig(`
route: { receiver: all, group_by: [alertname], routes: [{ receiver: team, matchers: ['team="red"'], group_wait: 5s }, { receiver: chat, matchers: ['severity=~"page|ticket"'], continue: true }] }
receivers: [{ name: all }, { name: team, webhook_configs: [{ url: http://team }] }, { name: chat, slack_configs: [{ api_url: http://chat, channel: "#ops" }] }]
inhibit_rules: [{ source_matchers: ['severity="page"'], target_matchers: ['severity="ticket"'], equal: [job] }]
`, 'alertmanager.yml')

const now = 1_800_000_000_000
const alert = (labels: Record<string, string>, ends = now + 60_000): Alert => ({ fingerprint: fingerprintOf(labels), labels, annotations: { summary: 'it burns' }, startsAt: now - 1000, endsAt: ends, updatedAt: now, generatorURL: '' })

const refused: readonly (readonly [text: string, message: RegExp])[] = [
  ['receivers: []', /no route provided/], ['route: { receiver: x }', /undefined receiver "x"/], ['route: { receiver: x }\nreceivers: [{ name: x, pagerduty_configs: [] }]', /pagerduty_configs is not supported/],
  ['route: { receiver: x, group_wait: soon }\nreceivers: [{ name: x }]', /not a valid duration/], ['route: { receiver: x, routes: [{ matchers: ["=a"] }] }\nreceivers: [{ name: x }]', /bad matcher format/],
]
for (const [text, message] of refused) test(`refused: ${text}`, () => assert.throws(() => readAlertmanagerConfig(text, 'a.yml'), (error) => isCoded(error, 'InvalidConfig') && message.test(error.message)))

test('an alert goes to the first route that matches, and on where it says continue', () => {
  assert.deepEqual([{ a: 'b' }, { team: 'red', severity: 'page' }, { severity: 'page' }].map((labels) => routesOf(config.route, labels).map(({ receiver }) => receiver)), [['all'], ['team'], ['chat']])
})

test('alerts are grouped, and told in the shape the receiver takes', () => {
  const groups = groupsOf([alert({ alertname: 'A', team: 'red', pod: '1' }), alert({ alertname: 'A', team: 'red', pod: '2' }, now - 1), alert({ alertname: 'B', severity: 'page' })], config)
  assert.deepEqual(groups.map(({ key, alerts }) => [key, alerts.length]), [['{}/{team="red"}:{alertname="A"}', 2], ['{}/{severity=~"page|ticket"}:{alertname="B"}', 1]])
  const [team, chat] = groups
  const [webhook] = config.receivers[1]?.notifiers ?? []
  const [slack] = config.receivers[2]?.notifiers ?? []
  assert.ok(team !== undefined && chat !== undefined && webhook !== undefined && slack !== undefined)
  const told = notification(team, webhook, 'http://am', now) as { status: string; commonLabels: object; alerts: { status: string }[] }
  assert.deepEqual([told.status, told.commonLabels, told.alerts.map(({ status }) => status)], ['firing', { alertname: 'A', team: 'red' }, ['firing', 'resolved']])
  assert.match(JSON.stringify(notification(chat, slack, 'http://am', now)), /"channel":"#ops".*\[FIRING:1\] B.*it burns/)
})

test('the API: alerts come in, are silenced and inhibited, and silences end', async () => {
  const state: AlertState = { alerts: new Map<string, Alert>(), silences: new Map<string, Silence>(), config: () => config, configText: () => '', now: () => now, startedAt: now, random: seededRandom() }
  const ask = async (method: string, path: string, body?: unknown) => { const answer = await answerAlertApi(new Request(`http://am/api/v2/${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }), state); return { status: answer?.status ?? 404, body: answer?.headers.get('content-type')?.includes('json') === true ? await answer.json() as never : undefined } }
  assert.equal((await ask('POST', 'alerts', [{ labels: { alertname: 'A', job: 'j', severity: 'page' } }, { labels: { alertname: 'B', job: 'j', severity: 'ticket' } }])).status, 200)
  const states = async () => ((await ask('GET', 'alerts')).body as unknown as { labels: { alertname: string }; status: { state: string } }[]).map(({ labels, status }) => `${labels.alertname} ${status.state}`)
  assert.deepEqual(await states(), ['A active', 'B suppressed'])
  const made = await ask('POST', 'silences', { matchers: [{ name: 'alertname', value: 'A', isRegex: false }], startsAt: rfc3339(now), endsAt: rfc3339(now + 1000), createdBy: 'me', comment: 'known' })
  assert.deepEqual(await states(), ['A suppressed', 'B suppressed'])
  assert.equal((await ask('DELETE', `silence/${(made.body as unknown as { silenceID: string }).silenceID}`)).status, 200)
  assert.deepEqual(await states(), ['A active', 'B suppressed'])
  assert.equal((await ask('POST', 'silences', { matchers: [], startsAt: rfc3339(now), endsAt: rfc3339(now + 1000) })).status, 400)
  assert.equal((await ask('POST', 'alerts', [{ labels: {} }])).status, 400)
})
