import type { Pod } from '@idp/api'
import type { ContainerRecord } from './container-record.ts'
import { fieldPathOf, NotStarted, startContainer, unlinkLog, type PodRuntime } from './container-starter.ts'
import type { NodeContext } from './node-context.ts'
import { podLabel, type ContainerSpec, type ProbeSpec, type TerminatedState } from './pod-spec.ts'
import { runProbe, type ProbeTarget } from './probe.ts'
import { createProber, type ProbeKind } from './prober.ts'
import { formatDuration, noteEnd, noteRestart, restartAllowedAt } from './restart-rules.ts'
import { stopContainer, type StopOptions } from './stop-container.ts'

/** What the containers of a pod ask of its worker. */
export interface RunnerHost {
  readonly node: NodeContext
  pod(): Pod
  /** Network, volumes and tokens; set up before the first container starts. */
  runtime(): PodRuntime
  /** Resolves when the pod is to go: a hook that still runs is not waited for. */
  readonly leaving: Promise<void>
  /** Resolves when containers must go at once. */
  readonly killNow: Promise<void>
  /** The worker has ended: what starts now must be killed. */
  gone(): boolean
  wake(): void
  wakeIn(ms: number): void
  writeStatus(): void
  started(simulated: boolean): void
}

/** Starts, watches and ends the containers of one pod; keeps their records current and wakes the worker when one has changed. */
export interface ContainerRunner {
  /** Starts a container that does not run, or leaves it waiting when it has crashed too recently. */
  startOrWait(record: ContainerRecord): Promise<void>
  stop(record: ContainerRecord, options: StopOptions): Promise<void>
  /** The pod says something new of a container. The image is the one thing that may change while it runs: it is then started anew. */
  redefine(record: ContainerRecord, spec: ContainerSpec): void
}

const hookTimeout = 300_000
const pullRetryMs = 10_000
const defaultGrace = 30

export function createContainerRunner(host: RunnerHost): ContainerRunner {
  const { node } = host
  const { clock, events } = node
  const about = (record: ContainerRecord) => ({ object: host.pod(), fieldPath: fieldPathOf(record) })
  const graceMs = (probe?: ProbeSpec) => (probe?.terminationGracePeriodSeconds ?? host.pod().spec.terminationGracePeriodSeconds ?? defaultGrace) * 1_000
  const target = (record: ContainerRecord): ProbeTarget | undefined =>
    record.instance === undefined ? undefined : { pod: host.pod(), container: record.spec, instance: record.instance, podIp: host.runtime().ip, net: node.net, fabric: node.fabric, clock }
  const stop = (record: ContainerRecord, options: StopOptions) => stopContainer({ node, pod: host.pod(), killNow: host.killNow, target }, record, options)

  const waitForBackoff = (record: ContainerRecord, allowedAt: number) => {
    const label = podLabel(host.pod())
    if (record.backoffUntil !== allowedAt) {
      record.backoffUntil = allowedAt
      events.event(about(record), 'Warning', 'BackOff', `Back-off restarting failed container ${record.spec.name} in pod ${label}`)
      host.wakeIn(allowedAt - clock.now())
    }
    record.state = { type: 'waiting', reason: 'CrashLoopBackOff', message: `back-off ${formatDuration(record.backoffMs)} restarting failed container=${record.spec.name} pod=${label}` }
  }
  const start = async (record: ContainerRecord, restarts: boolean) => {
    const before = record.state
    const previousId = record.containerId
    if (restarts) record.restartCount++
    record.state = { type: 'starting' }
    try {
      const { instance, simulated } = await startContainer(node, host.runtime(), record)
      if (previousId !== '') void unlinkLog(node, host.pod(), record.spec.name, previousId).catch(() => {})
      if (restarts) noteRestart(record)
      record.instance = instance
      record.state = { type: 'running', startedAt: instance.startedAt }
      host.started(simulated)
      void instance.ended.then((ended) => onEnd(record, ended))
      if (host.gone()) return instance.kill()
      await postStart(record)
      probe(record)
    } catch (error) {
      if (!(error instanceof NotStarted)) throw error
      if (restarts) record.restartCount--
      record.state = { type: 'waiting', reason: error.reason, message: error.message }
      if (before.type !== 'waiting' || before.reason !== error.reason) events.event(about(record), 'Warning', eventReason(error.reason), `Error: ${error.message}`)
      if (error.reason === 'ErrImagePull') host.wakeIn(pullRetryMs)
    }
  }
  const postStart = async (record: ContainerRecord) => {
    const hook = record.spec.lifecycle?.postStart
    const on = target(record)
    if (hook === undefined || on === undefined) return
    host.writeStatus() // The hook may take its time.
    const result = await Promise.race([runProbe(on, hook, hookTimeout), host.leaving.then(() => ({ ok: true, message: '' }))])
    if (result.ok) return
    events.event(about(record), 'Warning', 'FailedPostStartHook', `PostStartHook failed: ${result.message}`)
    void stop(record, { graceMs: graceMs(), message: 'FailedPostStartHook' })
  }
  const probe = (record: ContainerRecord) => {
    const { instance, spec } = record
    if (instance === undefined || record.state.type !== 'running') return
    const follow = () => {
      if (record.instance !== instance || record.state.type !== 'running') return
      record.started = record.prober?.started ?? false
      record.ready = record.prober?.ready ?? false
      host.wake()
    }
    record.prober = createProber({
      clock, probes: probesOf(record),
      run: async (_kind, probeSpec, timeoutMs) => {
        const on = target(record)
        return on === undefined ? { ok: false, message: 'the container has ended' } : runProbe(on, probeSpec, timeoutMs)
      },
      changed: follow,
      failed: (kind, message) => events.event(about(record), 'Warning', 'Unhealthy', `${kind[0]?.toUpperCase()}${kind.slice(1)} probe failed: ${message}`),
      unhealthy: (kind) => void stop(record, { graceMs: graceMs(kind === 'startup' ? spec.startupProbe : spec.livenessProbe), message: `Container ${spec.name} failed ${kind} probe, will be restarted` }),
    })
    follow()
  }
  const onEnd = (record: ContainerRecord, ended: TerminatedState) => {
    record.prober?.[Symbol.dispose]()
    Object.assign(record, { prober: undefined, instance: undefined, started: false, ready: false, state: { type: 'terminated', terminated: ended } })
    noteEnd(record)
    host.wake()
  }

  return {
    stop,
    async startOrWait(record) {
      const restarts = record.state.type === 'terminated' || record.last !== undefined
      const allowedAt = restartAllowedAt(record)
      if (record.state.type === 'terminated') record.last = record.state.terminated
      if (restarts && clock.now() < allowedAt) waitForBackoff(record, allowedAt)
      else await start(record, restarts)
    },
    redefine(record, spec) {
      const changed = record.spec.image !== spec.image
      record.spec = spec
      if (changed) void stop(record, { graceMs: graceMs(), message: `Container ${spec.name} definition changed, will be restarted` })
    },
  }
}

/** Init and ephemeral containers are not probed. */
function probesOf({ spec, role }: ContainerRecord): Partial<Record<ProbeKind, ProbeSpec>> {
  if (role === 'init' || role === 'ephemeral') return {}
  return {
    ...(spec.startupProbe === undefined ? {} : { startup: spec.startupProbe }),
    ...(spec.livenessProbe === undefined ? {} : { liveness: spec.livenessProbe }),
    ...(spec.readinessProbe === undefined ? {} : { readiness: spec.readinessProbe }),
  }
}

function eventReason(waiting: string): string {
  return waiting === 'InvalidImageName' ? 'InspectFailed' : waiting === 'ErrImageNeverPull' ? 'ErrImageNeverPull' : 'Failed'
}
