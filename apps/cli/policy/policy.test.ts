import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fakeClock } from '@idp/kit'
import { temporaryDirectory } from '@idp/testkit'
import { buildProgram } from '../program.ts'

const policies = `
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: { name: labels, annotations: { policies.kyverno.io/severity: low } }
spec:
  rules:
    - name: team
      match: { any: [{ resources: { kinds: [ConfigMap] } }] }
      mutate: { patchStrategicMerge: { metadata: { labels: { +(team): core } } } }
---
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: { name: data }
spec:
  rules:
    - name: not-empty
      match: { any: [{ resources: { kinds: [ConfigMap] } }] }
      validate: { failureAction: Audit, message: "put <data> in it", pattern: { data: { key: "?*" } } }
`
const resources = `
{ apiVersion: v1, kind: ConfigMap, metadata: { name: full, namespace: shop }, data: { key: a } }
---
{ apiVersion: v1, kind: ConfigMap, metadata: { name: empty, namespace: shop } }
`
const testFile = `
apiVersion: cli.kyverno.io/v1alpha1
kind: Test
metadata: { name: t }
policies: [policies.yaml]
resources: [resources.yaml]
results:
  - { policy: data, rule: not-empty, kind: ConfigMap, resources: [full], result: pass }
  - { policy: data, rule: not-empty, kind: ConfigMap, resources: [empty], result: pass }
  - { policy: labels, rule: team, kind: ConfigMap, resources: [full], result: pass }
`

/** Runs a command line in this process; gives what it printed and its exit code. */
async function idp(...words: readonly string[]): Promise<{ said: string; code: number }> {
  let said = ''
  const before = process.exitCode
  process.exitCode = 0
  try {
    await buildProgram({ environment: {}, platform: 'linux', clock: fakeClock(0), signal: new AbortController().signal, stdout: { write: (text) => (said += text) } }).parseAsync([...words], { from: 'user' })
    return { said, code: Number(process.exitCode) }
  } finally {
    process.exitCode = before
  }
}

test('policy test and policy apply', async (t) => {
  await using directory = await temporaryDirectory()
  const at = (name: string): string => join(directory.path, name)
  await writeFile(at('policies.yaml'), policies)
  await writeFile(at('resources.yaml'), resources)
  await writeFile(at('kyverno-test.yaml'), testFile)
  const apply = (...flags: readonly string[]) => idp('policy', 'apply', at('policies.yaml'), '--resource', at('resources.yaml'), ...flags)

  await t.test('a test prints a table, counts, and fails', async () => {
    const { said, code } = await idp('policy', 'test', directory.path)
    assert.match(said, /│ 2 {2}│ data {3}│ not-empty │ ConfigMap\/empty │ Fail {3}│ Want pass, got fail: /)
    assert.match(said, /Test Summary: 2 tests passed and 1 tests failed/)
    assert.equal(code, 1)
  })
  await t.test('only failures, only what is selected', async () => {
    assert.match((await idp('policy', 'test', directory.path, '--fail-only')).said, /Summary: 1 out of 3 tests failed/)
    const { said, code } = await idp('policy', 'test', directory.path, '-t', 'policy=d*,resource=full')
    assert.match(said, /Summary: 1 tests passed and 0 tests failed/)
    assert.equal(code, 0)
    await assert.rejects(idp('policy', 'test', directory.path, '-t', 'colour=red'), { code: 'InvalidSelector' })
  })
  await t.test('every format', async () => {
    const form = async (name: string) => (await idp('policy', 'test', directory.path, '--output', name)).said
    assert.equal(JSON.parse(await form('json')).failed, 1)
    assert.match(await form('junit'), /<testsuites tests="3" failures="1">\n <testsuite name="data" tests="2" failures="1">[^]*put &lt;data&gt; in it/)
    assert.match(await form('markdown'), /^\| ID \| POLICY/)
    assert.match(await form('yaml'), /RESULT: Fail/)
    assert.equal(JSON.parse((await idp('policy', 'test', directory.path, '-o', 'json')).said)[0].RESULT, 'Pass')
    await assert.rejects(form('xml'), { code: 'InvalidFormat' })
  })
  await t.test('apply says what changes and what fails', async () => {
    const { said, code } = await apply()
    assert.match(said, /Applying 2 policy rule\(s\) to 2 resource\(s\)\.\.\./)
    assert.match(said, /policy data -> resource shop\/ConfigMap\/empty failed:\n1 - not-empty validation error: put <data> in it/)
    assert.match(said, /pass: 3, fail: 1, warn: 0, error: 0, skip: 0/)
    assert.equal(code, 1)
  })
  await t.test('audit as warning, with its exit code', async () => {
    assert.equal((await apply('--audit-warn')).code, 0)
    const { said, code } = await apply('--audit-warn', '--warn-exit-code', '3', '--table')
    assert.match(said, /shop\/ConfigMap\/empty │ Warn/)
    assert.equal(code, 3)
  })
  await t.test('reports, exceptions, changed resources', async () => {
    const [report] = (await apply('-p', '--output-format', 'json')).said.split('\n')
    assert.deepEqual(JSON.parse(report ?? '').summary, { pass: 3, fail: 1, warn: 0, error: 0, skip: 0 })
    await writeFile(at('exception.yaml'), (await apply('--generate-exceptions')).said)
    assert.equal((await apply('--exception', at('exception.yaml'))).code, 0)
    await apply('--output', at('out.yaml'))
    assert.match(await readFile(at('out.yaml'), 'utf8'), /team: core/)
    assert.match((await apply('--stdin')).said, /^apiVersion: v1\ndata:\n/)
  })
  await t.test('wrong input is refused by name', async () => {
    await assert.rejects(idp('policy', 'apply', at('policies.yaml')), { code: 'NoResources' })
    await assert.rejects(idp('policy', 'apply', at('none.yaml'), '-r', at('resources.yaml')), { code: 'FileMissing' })
    await assert.rejects(idp('policy', 'apply', at('resources.yaml'), '-r', at('resources.yaml')), { code: 'NoPolicies' })
    await assert.rejects(apply('--set', 'a=b', '--values-file', at('resources.yaml')), { code: 'ConflictingFlags' })
    await assert.rejects(idp('policy', 'test', at('nowhere')), { code: 'NoPolicyTests' })
  })
})
