import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '@idp/api'
import { parseYaml } from '@idp/formats'
import { evaluate, truthy } from '../engine/evaluate.ts'
import { expandStep, itemsOf } from '../engine/expand-items.ts'
import { operate } from '../engine/operate.ts'
import type { World } from '../engine/operation.ts'
import { nodeId, podName } from '../engine/names.ts'
import { retried } from '../engine/retry-workflow.ts'
import { nextRun } from '../engine/schedule.ts'
import { substitute } from '../engine/substitute.ts'
import type { Step, Workflow, WorkflowSpec } from '../kinds/workflow.ts'

type End = 'Succeeded' | 'Failed' | { code: number }

/** Runs a workflow whose pods end at once as `ends` says by display name (`Succeeded` by default); gives phases by display name in order. */
function play(yaml: string, ends: Readonly<Record<string, End>> = {}, templates: Readonly<Record<string, WorkflowSpec>> = {}, most = 40) {
  const spec = parseYaml(yaml, { source: 'test' }) as unknown as WorkflowSpec
  let workflow: Workflow = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Workflow', metadata: { name: 'wf', namespace: 'default', uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z' }, spec }
  const pods = new Map<string, Pod>()
  const [created, printed] = [[] as string[], new Map<string, string>()]
  let now = Date.parse('2026-01-01T00:00:00Z')
  let most_at_once = 0
  for (let pass = 0; pass < most && !['Succeeded', 'Failed', 'Error'].includes(workflow.status?.phase ?? ''); pass++) {
    const world: World = { now, pod: (name) => pods.get(name), taskResult: () => undefined, printed: (name) => printed.get(name) ?? '', answer: () => undefined, template: ({ name }) => templates[name], configMap: () => undefined }
    const { status, effects } = operate(workflow, world)
    workflow = { ...workflow, status }
    for (const { node, podName: name, template } of effects.pods) {
      created.push(node.displayName)
      const end = ends[node.displayName] ?? 'Succeeded'
      const code = typeof end === 'object' ? end.code : end === 'Succeeded' ? 0 : 1
      printed.set(name, (template.container?.args ?? []).join(' '))
      pods.set(name, { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [] }, status: { phase: code === 0 ? 'Succeeded' : 'Failed', containerStatuses: [{ name: 'main', state: { terminated: { exitCode: code, reason: 'Error' } } }] } } as unknown as Pod)
    }
    most_at_once = Math.max(most_at_once, Object.values(status.nodes ?? {}).filter(({ type, phase }) => type === 'Pod' && phase === 'Pending').length)
    now = effects.wakeAt ?? now + 1000
  }
  const nodes = Object.values(workflow.status?.nodes ?? {})
  return { workflow, phase: workflow.status?.phase, message: workflow.status?.message, created, atOnce: most_at_once, seconds: (now - Date.parse('2026-01-01T00:00:00Z')) / 1000, of: (name: string) => nodes.find(({ displayName }) => displayName === name) }
}

const say = '- { name: say, inputs: { parameters: [{ name: x, default: none }] }, container: { image: i, args: ["{{inputs.parameters.x}}"] } }'

test('steps: groups one after the other, results go on, when and continueOn count', () => {
  const run = play(`
entrypoint: main
templates:
  ${say}
  - name: main
    steps:
      - [{ name: a, template: say, arguments: { parameters: [{ name: x, value: heads }] } }, { name: b, template: say, continueOn: { failed: true } }]
      - [{ name: c, template: say, when: "{{steps.a.outputs.result}} == heads && {{steps.b.status}} == Failed", arguments: { parameters: [{ name: x, value: "{{steps.a.outputs.result}}!" }] } }, { name: d, template: say, when: "{{steps.a.outputs.result}} == tails" }]
`, { b: 'Failed' })
  assert.deepEqual([run.phase, run.created, run.of('c')?.outputs?.result, run.of('d')?.phase, run.of('d')?.message], ['Succeeded', ['a', 'b', 'c'], 'heads!', 'Skipped', "when 'heads == tails' evaluated false"])
  assert.deepEqual([run.of('wf')?.type, run.of('[1]')?.type, run.of('wf')?.children], ['Steps', 'StepGroup', [nodeId('wf', 'wf[0]')]])
})

test('a dag: order, depends, what is left out, what fails', () => {
  const dag = (tasks: string, ends: Record<string, End> = {}) => play(`\nentrypoint: main\ntemplates:\n  ${say}\n  - { name: main, dag: { tasks: [${tasks}] } }\n`, ends)
  assert.deepEqual(dag('{ name: d, dependencies: [b, c], template: say }, { name: b, dependencies: [a], template: say }, { name: c, dependencies: [a], template: say }, { name: a, template: say }').created, ['a', 'b', 'c', 'd'])
  const failed = dag('{ name: a, template: say }, { name: b, dependencies: [a], template: say }, { name: mend, depends: a.Failed, template: say }', { a: 'Failed' })
  assert.deepEqual([failed.phase, failed.of('b')?.phase, failed.of('b')?.message, failed.created], ['Failed', 'Omitted', 'omitted: depends condition not met', ['a', 'mend']])
  assert.equal(dag('{ name: a, template: say }, { name: mend, depends: "a.Failed || a.Errored", template: say }', { a: 'Failed' }).phase, 'Succeeded')
  assert.equal(dag('{ name: a, template: say, continueOn: { failed: true } }, { name: b, dependencies: [a], template: say }', { a: 'Failed' }).phase, 'Succeeded')
  assert.match(dag('{ name: a, dependencies: [b], template: say }, { name: b, dependencies: [a], template: say }, { name: c, dependencies: [a], template: say }').message ?? '', /cycle: c -> a -> b -> a/)
  const items = dag('{ name: a, template: say, withItems: [1, 2], arguments: { parameters: [{ name: x, value: "{{item}}" }] } }, { name: b, dependencies: [a], template: say, arguments: { parameters: [{ name: x, value: "{{tasks.a.outputs.result}}" }] } }')
  assert.deepEqual([items.created, items.of('a')?.type, items.of('b')?.outputs?.result], [['a(0:1)', 'a(1:2)', 'b'], 'TaskGroup', '[1,2]'])
})

test('retries: attempts, back-off, exit codes; parallelism; exit handler', () => {
  const retry = (strategy: string, ends: Record<string, End>) => play(`\nentrypoint: main\ntemplates:\n  - { name: main, retryStrategy: ${strategy}, container: { image: i } }\n`, ends)
  assert.deepEqual([retry('{ limit: 2 }', { 'wf(0)': 'Failed', 'wf(1)': 'Failed' }).phase, retry('{ limit: 2 }', { 'wf(0)': 'Failed', 'wf(1)': 'Failed', 'wf(2)': 'Failed' }).message], ['Succeeded', 'No more retries left'])
  assert.ok(retry('{ limit: 3, backoff: { duration: 10s, factor: 2 } }', { 'wf(0)': 'Failed', 'wf(1)': 'Failed' }).seconds >= 30)
  assert.deepEqual(retry('{ limit: 5, expression: "asInt(lastRetry.exitCode) != 2" }', { 'wf(0)': { code: 1 }, 'wf(1)': { code: 2 } }).created, ['wf(0)', 'wf(1)'])
  const wide = `
entrypoint: main
parallelism: 2
onExit: bye
templates:
  ${say}
  - { name: bye, container: { image: i, args: ["{{workflow.status}}"] } }
  - { name: main, steps: [[{ name: a, template: say, withSequence: { count: 5 } }]] }
`
  const run = play(wide, { 'a(3:3)': 'Failed' })
  assert.deepEqual([run.atOnce, run.created.length, run.phase, run.created.at(-1)], [2, 6, 'Failed', 'wf.onExit'])
})

test('templates elsewhere, defaults, refusals by name', () => {
  const shared = parseYaml(`\nentrypoint: main\narguments: { parameters: [{ name: who, value: you }] }\ntemplates:\n  - { name: main, container: { image: i, args: ["{{workflow.parameters.who}}"] } }\n`, { source: 'test' }) as unknown as WorkflowSpec
  const from = play('workflowTemplateRef: { name: shared }\narguments: { parameters: [{ name: who, value: me }] }', {}, { shared })
  assert.deepEqual([from.phase, from.workflow.status?.storedWorkflowTemplateSpec?.entrypoint], ['Succeeded', 'main'])
  assert.equal(play('entrypoint: main\ntemplates: [{ name: main, steps: [[{ name: a, templateRef: { name: shared, template: main } }]] }]\narguments: { parameters: [{ name: who, value: x }] }', {}, { shared }).phase, 'Succeeded')
  const refused: readonly (readonly [string, RegExp])[] = [
    ['entrypoint: nobody\ntemplates: []', /invalid spec: template name 'nobody' undefined/], ['workflowTemplateRef: { name: nobody }', /"nobody" not found/],
    ['entrypoint: main\ntemplates: [{ name: main, containerSet: {} }]', /containerSet of template main is not supported here/], ['entrypoint: main\nsynchronization: {}\ntemplates: [{ name: main, container: { image: i } }]', /spec.synchronization is not supported/],
    ['entrypoint: main\narguments: { parameters: [{ name: a }] }\ntemplates: [{ name: main, container: { image: i } }]', /spec.arguments.a.value/],
    ['entrypoint: main\ntemplates: [{ name: main, steps: [[{ name: a, template: b }]] }, { name: b, inputs: { parameters: [{ name: x }] }, container: { image: i } }]', /child .* failed/],
  ]
  for (const [yaml, message] of refused) assert.match(play(yaml).message ?? '', message)
})

test('a retried workflow keeps what went well', () => {
  const { workflow } = play(`\nentrypoint: main\ntemplates:\n  ${say}\n  - { name: main, steps: [[{ name: a, template: say }], [{ name: b, template: say }]] }\n`, { b: 'Failed' })
  const again = retried(workflow)
  assert.deepEqual(Object.values(again.workflow.status?.nodes ?? {}).map(({ displayName, phase }) => `${displayName} ${phase}`).sort(), ['[0] Succeeded', '[1] Running', 'a Succeeded', 'wf Running'])
  assert.deepEqual(again.pods, [podName('wf', 'wf[1].b', 'say')])
})

test('expressions, tags, items, names, schedules', () => {
  const names: Record<string, unknown> = { 'inputs.parameters.n': '3', 'tasks.a-b.status': 'Failed' }
  const cases: readonly (readonly [string, unknown])[] = [['heads == heads', true], ['"a b" == \'a b\'', true], ['10 > 9 && !(1 == 2)', true], ['asInt(inputs.parameters.n) * 2 + 1', 7], ["tasks['a-b'].status == 'Failed' ? 'x' : 'y'", 'x'], ['foo in (foo, bar)', true], ['abc =~ "^a"', true], ['false || no == no', true]]
  for (const [source, want] of cases) assert.deepEqual(evaluate(source, (path) => names[path], { bareWords: true }), want, source)
  assert.throws(() => evaluate('a ==', () => 1), { code: 'InvalidExpression' })
  assert.equal(truthy('true'), true)
  assert.deepEqual(substitute({ a: 'x {{ p.q }} {{=p.n + 1}} {{left}}', b: ['{{item.os}}'] }, { 'p.q': 'v', 'p.n': 2, item: { os: 'linux' } }), { a: 'x v 3 {{left}}', b: ['linux'] })
  const step = (more: Partial<Step>): string[] => { const one: Step = { name: 's', template: 't', ...more }; return expandStep(one, itemsOf(one) ?? []).map(({ name }) => name) }
  assert.deepEqual([step({ withItems: [{ os: 'linux', v: 1 }] }), step({ withSequence: { start: 3, end: 1, format: 'n%02d' } }), step({ withParam: '["a"]' })], [['s(0:os:linux,v:1)'], ['s(0:n03)', 's(1:n02)', 's(2:n01)'], ['s(0:a)']])
  // FNV-1a of "hello", as Go's hash/fnv gives it.
  assert.deepEqual([podName('wf', 'wf', 'main'), nodeId('wf', 'hello'), podName('wf', 'hello', 'main')], ['wf', 'wf-1335831723', 'wf-main-1335831723'])
  assert.equal(new Date(nextRun({ workflowSpec: {}, schedules: ['0 5 * * *', '30 4 * * *'], timezone: 'Europe/Berlin' }, Date.UTC(2026, 0, 1)) ?? 0).toISOString(), '2026-01-01T03:30:00.000Z')
})
