import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json, JsonObject } from '@idp/formats'
import { fakeClock, seededRandom } from '@idp/kit'
import type { Catalog } from '../engine/catalog/catalog.ts'
import type { Entity } from '../engine/catalog/entity.ts'
import { insideWorkspace, type ScaffolderWorld } from '../engine/scaffolder/actions.ts'
import { parameterErrors } from '../engine/scaffolder/routes.ts'
import { createTasks } from '../engine/scaffolder/tasks.ts'
import { renderText, renderValue } from '../engine/scaffolder/template-text.ts'

const scope = { parameters: { name: 'My App', port: 8080, tags: ['a', 'b'], on: true, none: null, env: { A: '1', B: '2' }, repo: 'git.local?owner=o&repo=r', owner: 'group:team/x' } }

test('values keep the type of an expression alone', () => {
  const rows: [template: Json, want: Json | undefined][] = [
    ['${{ parameters.port }}', 8080], ['port ${{ parameters.port }}', 'port 8080'], ['${{ parameters.tags }}', ['a', 'b']], ['${{ parameters.tags[1] }}', 'b'], ['${{ parameters.missing }}', undefined], ['x${{ parameters.missing.deep }}', 'x'],
    [{ a: '${{ parameters.missing }}', b: ['${{ parameters.on }}'] }, { b: [true] }],
    ['${{ parameters.name | lower | replace(" ", "-") }}', 'my-app'], ['${{ parameters.missing or "d" }}', 'd'], ['${{ parameters.missing | default("d") }}', 'd'], ['${{ "a" if parameters.on else "b" }}', 'a'], ['${{ "a" if not parameters.on else "b" }}', 'b'],
    ['${{ parameters.port + 1 }}', 8081], ['${{ parameters.port > 80 and parameters.port <= 8080 }}', true], ['${{ "a" in parameters.tags }}', true], ['${{ "z" not in parameters.tags }}', true], ['${{ parameters.name ~ "!" }}', 'My App!'], ['${{ 2 + 3 * 4 - 10 // 3 }}', 11],
    ['${{ parameters.tags | join("+") }}', 'a+b'], ['${{ parameters.tags | length }}', 2], ['${{ parameters.env | dump }}', '{"A":"1","B":"2"}'], ['${{ (parameters.repo | parseRepoUrl).owner }}', 'o'], ['${{ parameters.repo | projectSlug }}', 'o/r'],
    ['${{ parameters.owner | parseEntityRef | pick("name") }}', 'x'], ['${{ { "a": [1, parameters.port] } }}', { a: [1, 8080] }], ['${{ parameters.missing is defined }}', false], ['${{ parameters.constructor }}', undefined], ['${{ parameters.tags.map }}', undefined], ['plain', 'plain'], [7, 7],
  ]
  for (const [template, want] of rows) assert.deepEqual(renderValue(template, scope), want, JSON.stringify(template))
})

test('texts have conditions, loops and raw parts; what is unknown is refused by name', () => {
  const rows: [template: string, want: string | RegExp][] = [
    ['{% if parameters.on %}yes{% else %}no{% endif %}', 'yes'], ['{% if false %}1{% elif parameters.port == 8080 %}2{% else %}3{% endif %}', '2'], ['{% if false %}{% if true %}x{% endif %}{% endif %}y', 'y'],
    ['{% for t in parameters.tags %}{{ literal }}${{ loop.index }}${{ t }}{% if not loop.last %},{% endif %}{% endfor %}', '{{ literal }}1a,{{ literal }}2b'], ['{% for k, v in parameters.env %}${{ k }}=${{ v }};{% endfor %}', 'A=1;B=2;'], ['{% for x in [] %}a{% else %}none{% endfor %}', 'none'],
    ['{% raw %}${{ keep }}{% endraw %}', '${{ keep }}'], ['a {#- gone -#} b', 'ab'], ['{% set x = 3 %}${{ x }}', '3'], ['a\n{%- if true %}\nb\n{%- endif %}', 'a\nb'],
    ['{% include "x" %}', /the tag 'include' is not supported/], ['${{ 1 | nope }}', /the filter 'nope' is not supported; these are/], ['${{ parameters.toString() }}', /function calls are not supported/], ['{% if true %}', /endif %} is missing/], ['${{ 1 + }}', /expected a name instead of the end/], ['{% raw %}', /has no end/],
  ]
  for (const [template, want] of rows) {
    if (typeof want === 'string') assert.equal(renderText(template, scope), want, template)
    else assert.throws(() => renderText(template, scope), want, template)
  }
})

const templateOf = (steps: JsonObject[], parameters: JsonObject = {}): Entity => ({ apiVersion: 'scaffolder.backstage.io/v1beta3', kind: 'Template', metadata: { name: 't', annotations: { 'backstage.io/managed-by-location': 'url:http://git/r.git/blob/main/t/template.yaml' } }, spec: { type: 'service', parameters, steps, output: { sha: '${{ steps.push.output.commitHash }}' } } })

test('a form is checked by its JSON schema', () => {
  const schema = { required: ['name'], properties: { name: { type: 'string', pattern: '^[a-z]+$', minLength: 2 }, size: { type: 'string', enum: ['s', 'm'] }, port: { type: 'integer', minimum: 1 }, more: { type: 'array', items: { type: 'string' }, uniqueItems: true } }, dependencies: { size: ['port'] } }
  const rows: [values: JsonObject, want: string[]][] = [
    [{ name: 'ab' }, []], [{}, ['instance requires property "name"']], [{ name: 'A' }, ['instance.name does not meet minimum length of 2', 'instance.name does not match pattern "^[a-z]+$"']], [{ name: 7 }, ['instance.name is not of a type(s) string']],
    [{ name: 'ab', size: 'x', port: 1 }, ['instance.size is not one of enum values: s,m']], [{ name: 'ab', port: 0 }, ['instance.port must be >= 1']], [{ name: 'ab', more: ['a', 1] }, ['instance.more.1 is not of a type(s) string']], [{ name: 'ab', size: 's' }, ['instance requires property "port"']],
  ]
  for (const [values, want] of rows) assert.deepEqual(parameterErrors(templateOf([], schema), values).map(({ stack }) => stack), want)
  assert.throws(() => parameterErrors(templateOf([], { properties: { a: { contains: {} } } }), {}), /keyword \/properties\/a\/contains, which is not supported/)
})

async function runTemplate(steps: JsonObject[], values: JsonObject = {}) {
  const pushed: Record<string, string> = {}
  const world: ScaffolderWorld = {
    catalog: { refresh: async () => undefined, get: () => undefined, preview: async () => [] } as unknown as Catalog, wait: async () => undefined,
    fetch: async (url, base) => new Map([[`\${{ values.name }}.txt`, Buffer.from(`\${{ values.name }} of ${new URL(url, base).pathname}`)], ['bin', Buffer.from([0, 36, 123, 123])]]),
    async publish({ files, branch }) { for (const [path, content] of files) pushed[`${branch}:${path}`] = Buffer.from(content).toString(); return { commit: 'abc', changed: true } },
  }
  const tasks = createTasks({ world, clock: fakeClock(), random: seededRandom(1), signal: new AbortController().signal })
  const { task, done } = tasks.start({ template: templateOf(steps), values, user: undefined, createdBy: 'user:default/u' })
  await done
  return { task, pushed, log: task.events.map(({ body }) => String(body['message'])).join('\n'), error: (task.events.at(-1)?.body['error'] as JsonObject | undefined)?.['message'] }
}

test('a task runs its steps', async () => {
  const { task, pushed, log } = await runTemplate([
    { id: 'fetch', action: 'fetch:template', input: { url: './skeleton', targetPath: '${{ parameters.name }}', values: { name: '${{ parameters.name }}' } } },
    { id: 'no', action: 'debug:log', if: '${{ parameters.name === "other" }}', input: { message: 'never' } },
    { id: 'each', action: 'debug:log', each: '${{ ["x", "y"] }}', input: { message: 'item ${{ each.value }}' } },
    { id: 'push', action: 'publish:git', input: { repoUrl: 'http://git/r.git', targetPath: 'K8s' } },
  ], { name: 'hello' })
  assert.equal(task.status, 'completed', log)
  assert.deepEqual(Object.keys(pushed), ['main:K8s/hello/hello.txt', 'main:K8s/hello/bin'])
  assert.equal(pushed['main:K8s/hello/hello.txt'], 'hello of /r.git/blob/main/t/skeleton')
  assert.deepEqual(task.output, { sha: 'abc' })
  assert.match(log, /item x\n(.*\n)*item y/)
  assert.match(log, /Skipping step no because its if condition was false/)
  assert.doesNotMatch(log, /never/)
})

test('a task that cannot run says why, before it does anything', async () => {
  const push = { id: 'push', action: 'publish:git', input: { repoUrl: 'http://git/r.git' } }
  const rows: [steps: JsonObject[], want: RegExp][] = [
    [[push, { action: 'publish:github' }], /Template action with ID 'publish:github' is not registered/], [[push], /the workspace has no files/], [[{ action: 'debug:log', input: { message: 7 } }], /Invalid input passed to action debug:log, \/message must be string/],
    [[{ action: 'fetch:plain', input: {} }], /must have required property 'url'/], [[{ action: 'fetch:plain', input: { url: '.', targetPath: '../x' } }], /leads out of the task's workspace/],
  ]
  for (const [steps, want] of rows) {
    const { task, pushed, error } = await runTemplate(steps)
    assert.equal(task.status, 'failed')
    assert.match(String(error), want)
    assert.deepEqual(pushed, {})
  }
  for (const path of ['../a', '/a', 'a/../b', '.git/config', 'a/.git/hooks/x']) assert.throws(() => insideWorkspace(path), /workspace/)
})
