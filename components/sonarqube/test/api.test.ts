import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { fakeClock, seededRandom, silentLog } from '@idp/kit'
import { createAccounts } from '../engine/accounts.ts'
import { answerApi } from '../engine/api/answer.ts'
import type { Server } from '../engine/api/route.ts'
import { emptyState } from '../engine/state.ts'

type Answer = { readonly status: number; readonly body: any; readonly headers: Headers } // oxlint-disable-line no-explicit-any -- answers of every shape

async function server() {
  const clock = fakeClock()
  const random = seededRandom(7)
  const state = emptyState('ID')
  const accounts = createAccounts(state, { clock, random })
  await accounts.setPassword('admin')
  const sent: { url: string; init: RequestInit | undefined }[] = []
  let keys = 0
  const it: Server = {
    state, accounts, version: '25.9.0', now: () => clock.now(), newKey: () => `k${++keys}`, save: async () => {}, log: silentLog, passcode: () => 'let-me-in',
    fetch: async (url, init) => { sent.push({ url, init }); if (url.includes('down')) throw new Error('refused'); return new Response(null, { status: 202 }) },
  }
  const signed = { authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}` }
  const ask = async (method: 'GET' | 'POST', path: string, body?: Record<string, string> | string, headers: Record<string, string> = signed): Promise<Answer> => {
    const response = await answerApi(new Request(`http://sonar${path}`, { method, headers, ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new URLSearchParams(body) }) }), it)
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text.startsWith('{') ? JSON.parse(text) : text }
  }
  const analysis = (body: object): Promise<Answer> => ask('POST', '/api/idp/analyses', JSON.stringify(body), { ...signed, 'content-type': 'application/json' })
  return { ask, analysis, sent, clock, state }
}

const rules = [{ id: 'eval', name: 'No eval', engineId: 'lint', type: 'VULNERABILITY', severity: 'CRITICAL' }, { id: 'long', name: 'Too long', engineId: 'lint', impacts: [{ softwareQuality: 'MAINTAINABILITY', severity: 'LOW' }] }]
const issue = (ruleId: string, startLine: number, message = ruleId) => ({ ruleId, effortMinutes: 10, primaryLocation: { message, filePath: 'src/a.ts', textRange: { startLine } } })

test('who may ask: open addresses, passwords, tokens, sessions with their second token', async () => {
  const { ask } = await server()
  assert.deepEqual([(await ask('GET', '/api/system/status', undefined, {})).body, (await ask('GET', '/api/server/version', undefined, {})).body], [{ id: 'ID', version: '25.9.0', status: 'UP' }, '25.9.0'])
  const health = (headers: Record<string, string>) => ask('GET', '/api/system/health', undefined, headers)
  assert.deepEqual([(await health({})).status, (await health({ 'x-sonar-passcode': 'wrong' })).status, (await health({ 'x-sonar-passcode': 'let-me-in' })).body.health], [403, 403, 'GREEN'])
  assert.equal((await ask('GET', '/api/projects/search', undefined, {})).status, 401)
  const { token } = (await ask('POST', '/api/user_tokens/generate', { name: 'ci' })).body
  assert.match(token, /^squ_[0-9a-f]{40}$/)
  assert.equal((await ask('POST', '/api/user_tokens/generate', { name: 'ci' })).status, 400)
  const bearer = { authorization: `Bearer ${token}` }
  const asLogin = { authorization: `Basic ${Buffer.from(`${token}:`).toString('base64')}` }
  assert.deepEqual([(await ask('GET', '/api/authentication/validate', undefined, bearer)).body, (await ask('GET', '/api/projects/search', undefined, asLogin)).status, (await ask('GET', '/api/projects/search', undefined, { authorization: 'Bearer squ_no' })).status], [{ valid: true }, 200, 401])
  await ask('POST', '/api/user_tokens/revoke', { name: 'ci' })
  assert.equal((await ask('GET', '/api/projects/search', undefined, bearer)).status, 401)
  assert.equal((await ask('POST', '/api/authentication/login', { login: 'admin', password: 'no' }, {})).status, 401)
  const cookies = (await ask('POST', '/api/authentication/login', { login: 'admin', password: 'admin' }, {})).headers.getSetCookie().map((one) => one.split(';')[0] ?? '')
  const session = { cookie: cookies.join('; ') }
  const xsrf = cookies.find((one) => one.startsWith('XSRF'))?.split('=')[1] ?? ''
  const make = (headers: Record<string, string>) => ask('POST', '/api/projects/create', { project: 'p', name: 'P' }, headers)
  assert.deepEqual([(await ask('GET', '/api/projects/search', undefined, session)).status, (await make(session)).status, (await make({ ...session, 'x-xsrf-token': xsrf })).status], [200, 401, 200])
  const change = (password: string) => ask('POST', '/api/users/change_password', { login: 'admin', previousPassword: 'admin', password })
  assert.deepEqual([(await change('short')).status, (await change('Long-enough-12')).status, (await ask('GET', '/api/projects/search')).status], [400, 204, 401])
})

test('an analysis: issues, coverage, measures; new code and the gate; webhooks', async () => {
  const { ask, analysis, sent, clock } = await server()
  const key = 'shop'
  await ask('POST', '/api/webhooks/create', { name: 'ci', url: 'http://ci.example/hook', secret: 's3cret' })
  const coverage = '<coverage version="1"><file path="a"><lineToCover lineNumber="1" covered="true" branchesToCover="2" coveredBranches="1"/><lineToCover lineNumber="2" covered="false"/></file></coverage>'
  const first = await analysis({ projectKey: key, projectName: 'Shop', projectVersion: '1.0', issues: { rules, issues: [issue('eval', 3), issue('long', 9)] }, coverage, measures: { ncloc: 100 } })
  assert.deepEqual([first.status, first.body.qualityGate], [200, 'OK'])
  assert.equal((await ask('GET', `/api/ce/task?id=${first.body.taskId}`)).body.task.status, 'SUCCESS')
  const measured = async (): Promise<Record<string, string>> => Object.fromEntries((await ask('GET', `/api/measures/component?component=${key}&metricKeys=violations,vulnerabilities,security_rating,sqale_rating,coverage,uncovered_lines,new_violations,alert_status`)).body.component.measures.map(({ metric, value, period }: { metric: string; value?: string; period?: { value: string } }) => [metric, value ?? period?.value]))
  assert.deepEqual(await measured(), { violations: '2', vulnerabilities: '1', security_rating: '4.0', sqale_rating: '1.0', coverage: '50.0', uncovered_lines: '1', alert_status: 'OK' })

  await clock.advance(60_000)
  const second = await analysis({ projectKey: key, projectVersion: '1.1', revision: 'abc', issues: { rules, issues: [issue('eval', 5), issue('eval', 40, 'another')] }, measures: { ncloc: 120, new_lines: 30, new_coverage: 50 } })
  assert.equal(second.body.qualityGate, 'ERROR')
  const status = (await ask('GET', `/api/qualitygates/project_status?projectKey=${key}`)).body.projectStatus
  assert.deepEqual(status.conditions.map(({ metricKey, status: one, actualValue }: Record<string, string>) => `${metricKey} ${one} ${actualValue}`), ['new_violations ERROR 1', 'new_coverage ERROR 50'])
  const found = (await ask('GET', `/api/issues/search?components=${key}&facets=types,issueStatuses`)).body
  assert.deepEqual(found.issues.map(({ line, issueStatus, message }: Record<string, unknown>) => `${line} ${issueStatus} ${message}`), ['5 OPEN eval', '40 OPEN another', '9 FIXED long'])
  assert.deepEqual(found.facets[1], { property: 'issueStatuses', values: [{ val: 'OPEN', count: 2 }, { val: 'FIXED', count: 1 }] })
  const fresh = (await ask('GET', `/api/issues/search?components=${key}&inNewCodePeriod=true&resolved=false`)).body.issues
  assert.deepEqual(fresh.map(({ message }: Record<string, unknown>) => message), ['another'])
  assert.equal((await ask('POST', '/api/issues/do_transition', { issue: fresh[0].key, transition: 'falsepositive' })).body.issue.resolution, 'FALSE-POSITIVE')
  assert.deepEqual((await ask('GET', `/api/qualitygates/project_status?analysisId=${second.body.analysisId}`)).body.projectStatus.conditions.map(({ metricKey, status: one }: Record<string, string>) => `${metricKey} ${one}`), ['new_violations OK', 'new_coverage ERROR'])

  const { url, init } = sent.at(-1) ?? {}
  const body = String(init?.body)
  assert.deepEqual([sent.length, url, new Headers(init?.headers).get('x-sonar-webhook-hmac-sha256'), JSON.parse(body).qualityGate.status], [2, 'http://ci.example/hook', createHmac('sha256', 's3cret').update(body).digest('hex'), 'ERROR'])
  assert.deepEqual((await ask('GET', '/api/webhooks/list')).body.webhooks[0].latestDelivery.httpStatus, 202)
  assert.deepEqual((await ask('GET', '/api/rules/search?q=eval')).body.rules.map(({ key: rule }: Record<string, string>) => rule), ['external_lint:eval'])
})

test('few new lines do not fail a gate by their coverage; own gates with own conditions', async () => {
  const { ask, analysis } = await server()
  await analysis({ projectKey: 'p' })
  assert.equal((await analysis({ projectKey: 'p', measures: { new_lines: 19, new_coverage: 0 } })).body.qualityGate, 'OK')
  assert.equal((await ask('GET', '/api/qualitygates/project_status?projectKey=p')).body.projectStatus.ignoredConditions, true)
  await ask('POST', '/api/qualitygates/create', { name: 'strict' })
  const { id } = (await ask('POST', '/api/qualitygates/create_condition', { gateName: 'strict', metric: 'violations', op: 'GT', error: '0' })).body
  await ask('POST', '/api/qualitygates/select', { gateName: 'strict', projectKey: 'p' })
  const old = { issues: [{ engineId: 'x', ruleId: 'r', severity: 'BLOCKER', type: 'BUG', primaryLocation: { message: 'm', filePath: 'f' } }] }
  assert.equal((await analysis({ projectKey: 'p', issues: old })).body.qualityGate, 'ERROR')
  await ask('POST', '/api/qualitygates/update_condition', { id, metric: 'violations', op: 'GT', error: '5' })
  assert.equal((await analysis({ projectKey: 'p', issues: old })).body.qualityGate, 'OK')
  await ask('POST', '/api/qualitygates/destroy', { name: 'strict' })
  assert.equal((await ask('GET', '/api/qualitygates/get_by_project?project=p')).body.qualityGate.name, 'Sonar way')
})

test('what is wrong is refused, with its place, and changes nothing', async () => {
  const { ask, analysis, state } = await server()
  const place = { message: 'm', filePath: 'f' }
  const rows: [Promise<Answer>, number, RegExp][] = [
    [ask('POST', '/api/ce/submit', {}), 400, /sonar-scanner/], [ask('GET', '/api/nothing'), 404, /Unknown url : \/api\/nothing/], [ask('GET', '/api/projects/create'), 405, /not allowed/], [ask('POST', '/api/projects/create', { name: 'x' }), 400, /'project' parameter is missing/],
    [ask('POST', '/api/projects/create', { name: 'x', project: '12' }), 400, /Malformed key/], [ask('GET', '/api/measures/component?component=no&metricKeys=bugs'), 404, /Component key 'no' not found/], [ask('GET', '/api/components/show?component=constructor'), 404, /not found/],
    [analysis({ projectKey: 'x', issues: { issues: [{ ruleId: 'r', primaryLocation: place }] } }), 400, /issues\[0\]\.engineId is missing/], [analysis({ projectKey: 'x', issues: { rules, issues: [issue('other', 1)] } }), 400, /no rule of the report has the id other/], [analysis({ projectKey: 'x', issues: { rules, issues: [issue('eval', 0)] } }), 400, /startLine/],
    [analysis({ projectKey: 'x', coverage: '<coverage/>' }), 400, /version="1"/], [analysis({ projectKey: 'x', measures: { bugs: 1 } }), 400, /measures\.bugs cannot be given/], [analysis({ projectKey: '' }), 400, /Malformed key/], [ask('POST', '/api/qualitygates/create_condition', { gateName: 'Sonar way', metric: 'bugs', error: '1' }), 400, /built-in/],
    [ask('POST', '/api/webhooks/create', { name: 'x', url: 'file:///etc' }), 400, /not a valid url/], [ask('GET', '/api/projects/search?ps=9999'), 400, /'ps'/],
  ]
  for (const [asked, status, says] of rows) { const { status: got, body } = await asked; assert.equal(got, status, JSON.stringify(body)); assert.match(body.errors[0].msg, says) }
  assert.deepEqual(Object.keys(state.projects), [])
})
