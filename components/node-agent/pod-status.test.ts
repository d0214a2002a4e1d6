import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '@idp/api'
import { rfc3339 } from '@idp/kit'
import { newRecord, type ContainerRecord, type RecordState } from './container-record.ts'
import type { ContainerRole, PodStatus } from './pod-spec.ts'
import { podStatus, type PodFacts } from './pod-status.ts'

const now = 1_767_225_600_000
const running: RecordState = { type: 'running', startedAt: now }
const ended = (exitCode: number): RecordState => ({ type: 'terminated', terminated: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error' } })
const waiting: RecordState = { type: 'waiting', reason: 'ContainerCreating' }

function record(role: ContainerRole, state: RecordState, more: Partial<ContainerRecord> = {}): ContainerRecord {
  const isRunning = state.type === 'running'
  return { ...newRecord({ name: role, image: 'a' }, role), state, started: isRunning, ready: isRunning, containerId: state.type === 'waiting' ? '' : 'idp://x', ...more }
}

function podOf(restartPolicy: string, status?: PodStatus): Pod {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'n' }, spec: { restartPolicy, containers: [] }, ...(status === undefined ? {} : { status }) } as unknown as Pod
}

const facts = (records: readonly ContainerRecord[], more: Partial<PodFacts> = {}): PodFacts =>
  ({ records, hostIp: '172.25.0.2', podIp: '10.42.0.2', startTime: rfc3339(now), failure: undefined, final: false, now, previous: undefined, ...more })

const last = { exitCode: 1, reason: 'Error' }
const phases: { title: string; records: ContainerRecord[]; more?: Partial<PodFacts>; policy?: string; phase: string }[] = [
  { title: 'nothing has started', records: [record('regular', waiting)], phase: 'Pending' },
  { title: 'an init container runs', records: [record('init', running), record('regular', waiting)], phase: 'Pending' },
  { title: 'an init container failed and is not restarted', records: [record('init', ended(1)), record('regular', waiting)], policy: 'Never', phase: 'Failed' },
  { title: 'one of two waits', records: [record('regular', running), record('regular', waiting)], phase: 'Pending' },
  { title: 'all run', records: [record('init', ended(0)), record('regular', running)], phase: 'Running' },
  { title: 'it crashed and will be restarted', records: [record('regular', ended(1))], phase: 'Running' },
  { title: 'it waits between two crashes', records: [record('regular', { type: 'waiting', reason: 'CrashLoopBackOff' }, { last, containerId: 'idp://x' })], phase: 'Running' },
  { title: 'all ended well', records: [record('regular', ended(0))], more: { final: true }, policy: 'Never', phase: 'Succeeded' },
  { title: 'one ended badly', records: [record('regular', ended(0)), record('regular', ended(2))], more: { final: true }, policy: 'Never', phase: 'Failed' },
  { title: 'the node refused it', records: [record('regular', waiting)], more: { failure: { reason: 'NodePorts', message: 'm' } }, phase: 'Failed' },
]
for (const { title, records, more, policy = 'Always', phase } of phases) {
  test(`phase when ${title}: ${phase}`, () => assert.equal(podStatus(podOf(policy), facts(records, more)).phase, phase))
}

test('transition times follow what was computed last, however far the cached pod lags behind', () => {
  const condition = (status: string, at: string) => ({ type: 'Ready', status, lastTransitionTime: at })
  const stale = podOf('Always', { conditions: [condition('False', '2025-01-01T00:00:00Z')] } as PodStatus)
  const previous = { conditions: [condition('True', '2025-06-01T00:00:00Z')] } as PodStatus
  const { conditions } = podStatus(stale, facts([record('regular', running)], { previous }))
  assert.equal(conditions?.find((c) => c.type === 'Ready')?.lastTransitionTime, '2025-06-01T00:00:00Z')
})

test('conditions of others stay, and a readiness gate holds Ready back', () => {
  const gated = podOf('Always', { conditions: [{ type: 'acme.io/warm', status: 'False' }, { type: 'PodScheduled', status: 'True', lastTransitionTime: 'x' }] } as PodStatus)
  Object.assign(gated.spec, { readinessGates: [{ conditionType: 'acme.io/warm' }] })
  const { conditions } = podStatus(gated, facts([record('regular', running)]))
  assert.deepEqual(conditions?.map((c) => [c.type, c.status, c.reason ?? '']), [
    ['PodReadyToStartContainers', 'True', ''], ['Initialized', 'True', ''], ['Ready', 'False', 'ReadinessGatesNotReady'], ['ContainersReady', 'True', ''], ['PodScheduled', 'True', ''], ['acme.io/warm', 'False', ''],
  ])
})
