import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock, isCoded, seededRandom } from '@idp/kit'
import { answerGrafana, type GrafanaState } from '../engine/grafana/api.ts'
import { readDashboard, readDataSources, type StoredDashboard } from '../engine/grafana/dashboards.ts'
import { createSessions } from '../engine/grafana/sessions.ts'

const request = (path: string, init?: RequestInit): Request => new Request(`http://grafana${path}`, init)
const basic = (user: string, password: string): RequestInit => ({ headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` } })

test('signing in: a cookie or basic auth; wrong passwords are slowed down', async () => {
  const clock = fakeClock()
  const sessions = createSessions({ user: 'admin', password: 'right', clock, random: seededRandom() })
  const cookie = sessions.signIn('admin', 'right') ?? ''
  const signed = request('/api/org', { headers: { cookie: cookie.split(';')[0] ?? '' } })
  assert.deepEqual([sessions.isSignedIn(signed), sessions.isSignedIn(request('/', basic('admin', 'right'))), sessions.isSignedIn(request('/', basic('admin', 'wrong'))), sessions.isSignedIn(request('/'))], [true, true, false, false])
  assert.match(cookie, /HttpOnly; SameSite=Lax/)
  sessions.signOut(signed)
  assert.equal(sessions.isSignedIn(signed), false)
  for (let i = 0; i < 10; i++) sessions.signIn('admin', 'guess')
  assert.equal(sessions.signIn('admin', 'right'), undefined)
  await clock.advance(31_000)
  assert.ok(sessions.signIn('admin', 'right') !== undefined)
  assert.equal(createSessions({ user: 'admin', password: '', clock, random: seededRandom() }).signIn('admin', ''), undefined)
})

function grafana() {
  const boards = new Map<string, StoredDashboard>([['fixed', { dashboard: { uid: 'fixed', title: 'Fixed one', tags: ['x'] }, folder: 'Team', provisioned: true }]])
  const asked: string[] = []
  const state: GrafanaState = {
    user: 'admin', now: () => 1_800_000_000_000, dashboards: () => boards, save: async (one) => void boards.set(one.dashboard.uid, one), remove: async (uid) => void boards.delete(uid),
    dataSources: () => readDataSources({ datasources: [{ name: 'Prometheus', type: 'prometheus', uid: 'p', url: 'http://prom:9090/', isDefault: true }, { name: 'Other', type: 'influx', url: 'x' }] }, 'test'),
    fetch: async (url) => { asked.push(url); return url.includes('bad') ? new Response('no such thing', { status: 400 }) : Response.json({ status: 'success', data: { resultType: 'matrix', result: [{ metric: { __name__: 'up', job: 'j' }, values: [[1, '2'], [2, '3']] }] } }) },
  }
  const ask = async (path: string, init?: RequestInit) => { const answer = await answerGrafana(request(path, init), state); return { status: answer?.status, body: await answer?.json() as never } }
  return { ask, asked }
}
const post = (body: unknown): RequestInit => ({ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })

test('dashboards are searched, shown, saved, not saved over when provisioned or changed by others', async () => {
  const { ask } = grafana()
  assert.deepEqual((await ask('/api/search?query=fix&tag=x')).body, [{ uid: 'fixed', title: 'Fixed one', uri: 'db/fixed-one', url: '/d/fixed/fixed-one', type: 'dash-db', tags: ['x'], folderTitle: 'Team' }])
  assert.equal((await ask('/api/dashboards/uid/nope')).status, 404)
  assert.deepEqual((await ask('/api/dashboards/db', post({ dashboard: { title: 'My board' } }))).body, { uid: 'my-board', slug: 'my-board', url: '/d/my-board/my-board', status: 'success', version: 1 })
  assert.equal((await ask('/api/dashboards/db', post({ dashboard: { title: 'My board', version: 0 } }))).status, 412)
  assert.equal((await ask('/api/dashboards/db', post({ dashboard: { title: 'My board', version: 1 } }))).status, 200)
  for (const [init, path] of [[post({ dashboard: { uid: 'fixed', title: 'x' } }), '/api/dashboards/db'], [{ method: 'DELETE' }, '/api/dashboards/uid/fixed'], [post({ dashboard: { title: ' ' } }), '/api/dashboards/db']] as const) assert.equal((await ask(path, init)).status, 400)
})

test('data sources: queries become frames, the proxy passes on, what is not supported says so', async () => {
  const { ask, asked } = grafana()
  const { results } = (await ask('/api/ds/query', post({ from: 'now-1h', to: 'now', queries: [{ refId: 'A', expr: 'up', datasource: { uid: 'p' } }, { refId: 'B', expr: 'bad', datasource: { uid: 'p' } }] }))).body as { results: Record<string, { error?: string; frames: { schema: unknown; data: unknown }[] }> }
  assert.deepEqual(results['A']?.frames, [{ schema: { refId: 'A', name: 'up', fields: [{ name: 'Time', type: 'time' }, { name: 'Value', type: 'number', labels: { __name__: 'up', job: 'j' } }] }, data: { values: [[1000, 2000], [2, 3]] } }])
  assert.equal(results['B']?.error, 'no such thing')
  assert.match(asked[0] ?? '', /^http:\/\/prom:9090\/api\/v1\/query_range\?query=up&start=1799996400&end=1800000000&step=4$/)
  await ask('/api/datasources/proxy/uid/p/api/v1/labels?x=1')
  assert.equal(asked.at(-1), 'http://prom:9090/api/v1/labels?x=1')
  assert.deepEqual([(await ask('/api/datasources/uid/p/health')).status, (await ask('/api/datasources/uid/other/health')).status, (await ask('/api/datasources/uid/nope/health')).status], [200, 400, 404])
})

test('what cannot be read is refused', () => {
  assert.throws(() => readDashboard([], 'm'), (error) => isCoded(error, 'InvalidDashboard'))
  assert.throws(() => readDataSources({ datasources: [{}] }, 'm'), (error) => isCoded(error, 'InvalidDataSource'))
})
