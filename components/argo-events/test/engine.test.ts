import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock } from '@idp/kit'
import { durationMs, nextTick } from '../engine/calendar.ts'
import { createEventLog } from '../engine/event-log.ts'
import { matches, unsupportedIn } from '../engine/filters.ts'
import { createGate } from '../engine/gate.ts'
import { withParameters, unsupportedInTrigger } from '../engine/parameters.ts'
import { createRateLimit } from '../engine/rate-limit.ts'
import { sourceProblem } from '../engine/validate.ts'
import type { CloudEvent, Dependency, EventFilters, EventSource } from '../kinds/events.ts'

const event = (data: CloudEvent['data'], time = '2026-01-01T12:00:00Z'): CloudEvent => ({ id: '1', source: 'src', specversion: '1.0', type: 'webhook', datacontenttype: 'application/json', subject: 'evt', time, data })
const dependency = (filters?: EventFilters): Dependency => ({ name: 'd', eventSourceName: 'src', eventName: 'evt', ...(filters === undefined ? {} : { filters }) })

test('filters over data, context and time', () => {
  const cases: readonly (readonly [EventFilters, boolean])[] = [
    [{ data: [{ path: 'body.n', type: 'number', comparator: '>=', value: ['3'] }] }, true], [{ data: [{ path: 'body.n', type: 'number', comparator: '<', value: ['3'] }] }, false],
    [{ data: [{ path: 'body.ref', type: 'string', value: ['refs/heads/.*'] }] }, true], [{ data: [{ path: 'body.ref', type: 'string', comparator: '!=', value: ['refs/heads/main'] }] }, false],
    [{ data: [{ path: 'body.nobody', type: 'string', value: ['x'] }] }, false], [{ dataLogicalOperator: 'or', data: [{ path: 'body.n', type: 'number', value: ['9'] }, { path: 'body.on', type: 'bool', value: ['true'] }] }, true],
    [{ context: { type: 'calendar' } }, false], [{ time: { start: '22:00', stop: '13:00:00' } }, true], [{ time: { start: '13:00', stop: '14:00' } }, false],
  ]
  for (const [filters, want] of cases) assert.equal(matches(dependency(filters), event({ body: { n: 3, ref: 'refs/heads/main', on: true } })), want, JSON.stringify(filters))
  assert.match(unsupportedIn(dependency({ script: 'x' })) ?? '', /filters.script of dependency d is not supported here/)
})

test('a trigger waits for its condition, then begins anew', () => {
  const gate = createGate('a && (b || c)', ['a', 'b', 'c'])
  assert.equal(gate.take('a', event(1)), undefined)
  assert.deepEqual([...gate.take('c', event(2)) ?? []].map(([name]) => name), ['a', 'c'])
  assert.equal(gate.take('b', event(3)), undefined)
  assert.throws(() => createGate('a && nobody', ['a']), { code: 'InvalidCondition' })
  assert.throws(() => createGate('a &&', ['a']), { code: 'InvalidCondition' })
})

test('parameters put values of events into objects', () => {
  const events = new Map([['d', event({ body: { name: 'x', list: [1, 2], 'a.b': 'dot' } })]])
  const src = (dataKey: string, more = {}) => ({ dependencyName: 'd', dataKey, ...more })
  const made = withParameters({ spec: { args: [{ value: 'v-' }] } }, [
    { src: src('body.name'), dest: 'spec.args.0.value', operation: 'append' }, { src: src('body.list'), dest: 'spec.text' }, { src: src('body.list', { useRawData: true }), dest: 'spec.raw.0.deep' },
    { src: src('body.a\\.b'), dest: 'metadata.dot' }, { src: src('body.nobody', { value: 'otherwise' }), dest: 'metadata.value' }, { src: { dependencyName: 'd', contextKey: 'subject' }, dest: 'metadata.subject' },
  ], events)
  assert.deepEqual(made, { spec: { args: [{ value: 'v-x' }], text: '[1,2]', raw: [{ deep: [1, 2] }] }, metadata: { dot: 'dot', value: 'otherwise', subject: 'evt' } })
  assert.throws(() => withParameters({}, [{ src: src('body.nobody'), dest: 'a' }], events), { code: 'ParameterMissing' })
  assert.match(unsupportedInTrigger({ template: { name: 't', slack: {} } }) ?? '', /slack of trigger t is not supported here/)
})

test('the bus gives each consumer what came after its beginning, once', () => {
  const log = createEventLog(2)
  log.append(event(1))
  assert.deepEqual(log.after('c'), [])
  for (const data of [2, 3, 4]) log.append(event(data))
  assert.deepEqual(log.after('c').map(({ event: { data } }) => data), [3, 4])
  log.acknowledge('c', 3)
  assert.deepEqual(log.after('c').map(({ sequence }) => sequence), [4])
})

test('times, limits, refusals', async () => {
  assert.deepEqual([durationMs('1m30s'), durationMs(2e9), durationMs('soon')], [90_000, 2000, undefined])
  assert.equal(nextTick({ schedule: '0 0 * * *', timezone: 'Europe/Berlin' }, Date.UTC(2026, 0, 1)), Date.UTC(2026, 0, 1, 23))
  const clock = fakeClock()
  const allow = createRateLimit({ unit: 'Minute', requestsPerUnit: 2 }, clock)
  assert.deepEqual([allow(), allow(), allow()], [true, true, false])
  await clock.advance(60_000)
  assert.equal(allow(), true)
  const source = (spec: EventSource['spec']): EventSource => ({ apiVersion: 'argoproj.io/v1alpha1', kind: 'EventSource', metadata: {}, spec })
  assert.match(sourceProblem(source({ webhook: { a: { authSecret: { name: 'x', key: 'y' } } } })) ?? '', /authSecret of webhook a is not supported here/)
  assert.equal(sourceProblem(source({ calendar: { a: { interval: '10s' } } })), undefined)
})
