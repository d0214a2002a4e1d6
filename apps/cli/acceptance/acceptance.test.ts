import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '@idp/api'
import { systemClock } from '@idp/kit'
import { startTestCluster } from '@idp/testkit'
import { planOf } from '../commands/test.ts'
import { idp, root } from '../test/idp-process.ts'
import { readTests } from './platform-test.ts'
import { runPlatformTest, type TestWorld } from './run-platform-test.ts'
import { reportJunit, reportText } from './test-report.ts'

const head = 'apiVersion: idp.dev/v1\nkind: PlatformTest\nmetadata: { name: t }\n'
const spec = (text: string): string => `${head}spec: ${text}\n`

const wrong: readonly (readonly [string, string, RegExp])[] = [
  ['another version', head.replace('v1', 'v2') + 'spec: { expect: [] }', /of idp.dev\/v1/],
  ['no spec', head, /spec is missing/],
  ['no expectation', spec('{ expect: [] }'), /at least one expectation/],
  ['two kinds in one', spec('{ expect: [{ object: { apiVersion: v1, kind: Pod, name: a }, http: { host: a } }] }'), /exactly one of/],
  ['a field that is not there', spec('{ expect: [{ http: { host: a, port: 1 } }] }'), /no field 'port'/],
  ['a companion of another kind', spec('{ expect: [{ object: { apiVersion: v1, kind: Pod, name: a }, status: 200 }] }'), /no field 'status'/],
  ['an object without a name', spec('{ expect: [{ refused: { apiVersion: v1, kind: Pod } }] }'), /metadata\.name/],
  ['no regular expression', spec("{ expect: [{ http: { host: a }, body: '(' }] }"), /regular expression/],
  ['a time without a unit', spec('{ timeout: 30, expect: [{ http: { host: a } }] }'), /a time like 30s/],
]
for (const [name, text, says] of wrong) {
  test(`PlatformTest refused: ${name}`, () => assert.throws(() => readTests(text, 'tests/a.yaml'), (error: Error & { where?: string }) => says.test(error.message) && error.where === 'tests/a.yaml:1'))
}

test('platform tests against a cluster', async () => {
  await using cluster = await startTestCluster({ bare: true })
  const world: TestWorld = {
    client: cluster.client, clock: systemClock, signal: AbortSignal.timeout(60_000), domain: 'idp.localhost',
    fetch: async ({ host }) => ({ response: new Response(`hello from ${host}`, { status: 201, headers: { 'x-a': 'one' } }), certificate: undefined }),
  }
  const run = async (text: string): Promise<string> => {
    const [first] = readTests(spec(text), 'tests/a.yaml')
    assert.ok(first)
    return runPlatformTest(first, world).then(() => 'passed', (error: Error) => error.message)
  }
  const map = "{ apiVersion: v1, kind: ConfigMap, metadata: { name: m, namespace: default }, data: { a: '7' } }"
  const name = '{ apiVersion: v1, kind: ConfigMap, namespace: default, name: m }'
  const rows: readonly (readonly [string, string | RegExp])[] = [
    [`{ given: [${map}], expect: [{ object: ${name}, matches: { data: { a: '>=5' } } }] }`, 'passed'],
    [`{ timeout: 1ms, given: [${map}], expect: [{ object: ${name}, matches: { data: { a: '<5' } } }] }`, /expect\[0\]: ConfigMap default\/m differs at \/data\/a\//],
    [`{ expect: [{ object: ${name}, absent: true }] }`, 'passed'],
    [`{ timeout: 1ms, given: [${map}], expect: [{ object: ${name}, absent: true }] }`, /is there/],
    [`{ timeout: 1ms, expect: [{ object: ${name} }] }`, /not found/],
    [`{ expect: [{ accepted: ${map}, matches: { data: { a: '7' } } }] }`, 'passed'],
    ["{ expect: [{ refused: { apiVersion: v1, kind: ConfigMap, metadata: { name: A_b, namespace: default } }, message: 'lowercase RFC 1123' }] }", 'passed'],
    [`{ timeout: 1ms, expect: [{ refused: ${map} }] }`, /was accepted/],
    ["{ expect: [{ http: { host: web }, status: 201, body: 'from web.idp.localhost', headers: { x-a: '^one$' } }] }", 'passed'],
    ['{ timeout: 1ms, expect: [{ http: { host: web } }] }', /status 201 instead of 200/],
  ]
  for (const [text, wanted] of rows) {
    const said = await run(text)
    if (typeof wanted === 'string') assert.equal(said, wanted, text)
    else assert.match(said, wanted, text)
  }
  // What a test applied goes with it.
  assert.equal((await cluster.client.list(ConfigMap, { namespace: 'default' })).items.some(({ metadata }) => metadata.name === 'm'), false)
})

test('what --only leaves', () => {
  const own = readTests(`${spec('{ expect: [{ http: { host: a } }] }')}---\n${spec('{ expect: [{ http: { host: a } }] }').replace('name: t', 'name: u')}`, 'tests/a.yaml')
  assert.deepEqual([...planOf(own, { only: ['render', 'u'] }).suites], ['render', 'tests'])
  assert.deepEqual(planOf(own, { only: ['u'] }).tests.map(({ name }) => name), ['u'])
  assert.deepEqual([...planOf(own, { running: true }).suites], ['tests'])
  assert.equal(planOf([], {}).suites.size, 5)
  assert.throws(() => planOf(own, { only: ['nope'] }), { code: 'NoSuchTest' })
})

test('reports', () => {
  const cases = [{ suite: 'render', name: 'a<b', status: 'failed', ms: 5, message: 'x & y\nwhere: z' }, { suite: 'policy', name: 'p', status: 'passed', ms: 1 }] as const
  assert.match(reportText(cases, 1500), /✗ render: 0 of 1 passed[\s\S]*a<b failed\n {8}x & y\n {8}where: z[\s\S]*1 passed, 1 failed in 1\.5 s/)
  assert.match(reportJunit(cases), /<testcase classname="render" name="a&lt;b" time="0.005"><failure message="x &amp; y">/)
})

test('idp test renders the blueprint and runs the tests of its policies; idp preview compares two commits', async () => {
  const said = await idp(['test', 'blueprint', '--only', 'render', 'policy', '--output', 'json'])
  assert.equal(said.code, 0, said.out + said.err)
  const { passed, failed } = JSON.parse(said.out.trim().split('\n').at(-1) ?? '') as { passed: number; failed: number }
  assert.ok(passed > 30 && failed === 0, said.out)
  const same = await idp(['preview', 'HEAD..HEAD', 'blueprint', '--output', 'markdown'])
  assert.equal(same.code, 0, same.out + same.err)
  assert.match(same.out, /nothing changes in the cluster/)
  assert.equal((await idp(['preview', 'no-such-branch..HEAD', 'blueprint'], { cwd: root })).code, 2)
})
