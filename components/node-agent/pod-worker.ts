import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pod } from '@idp/api'
import type { Interface } from '@idp/sandbox'
import { isCoded, messageOf, rfc3339 } from '@idp/kit'
import { newRecord, type ContainerRecord } from './container-record.ts'
import { fieldPathOf, logDirectoryName, NotStarted, startContainer, unlinkLog, type PodRuntime } from './container-starter.ts'
import type { DownwardFacts } from './downward-fields.ts'
import type { NodeContext } from './node-context.ts'
import { containersOf, podLabel, portNumber, type ContainerSpec, type TerminatedState } from './pod-spec.ts'
import { podStatus } from './pod-status.ts'
import { createStatusWriter, type StatusWriter } from './pod-status-writer.ts'
import { setUpVolumes, type PodVolumes } from './pod-volumes.ts'
import { runProbe, type ProbeTarget } from './probe.ts'
import { createProber } from './prober.ts'
import { recordsFromStatus } from './records-from-status.ts'
import { formatDuration, noteEnd, noteRestart, restartAllowedAt, shouldRestart } from './restart-rules.ts'
import { createTokenSource, type TokenSource } from './service-account-tokens.ts'
import { stopContainer, type StopWorld } from './stop-container.ts'

const hookTimeout = 300_000
const retryMs = 2_000
const logsKeptMs = 60_000
const defaultGrace = 30

/**
 * Runs one pod on the node. Level-triggered: every event (a change of the pod, an end of a container, a probe, a timer) wakes it;
 * it looks at what is, does what is missing, and writes the status if that has changed.
 */
export class PodWorker {
  readonly #node: NodeContext
  readonly #done: () => void
  readonly #status: StatusWriter
  readonly #tokens: TokenSource
  readonly #startTime: string
  readonly #timers = new Set<Disposable>()
  readonly #killNow = Promise.withResolvers<void>()
  /** Resolves when the pod is to go: a hook that still runs is not waited for. */
  readonly #leaving = Promise.withResolvers<void>()
  #pod: Pod
  #records: ContainerRecord[]
  #network: Interface | undefined
  #hostPorts: Disposable[] = []
  #volumes: PodVolumes | undefined
  #failure: { reason: string; message: string } | undefined
  #final = false
  #ending = false
  #gone = false
  #running = false
  #again = false
  #idle = Promise.resolve()
  #deadline: Disposable | undefined
  #simulated: boolean | undefined
  #mountProblem = ''

  constructor(node: NodeContext, pod: Pod, done: () => void) {
    this.#node = node
    this.#pod = pod
    this.#done = done
    this.#tokens = createTokenSource(node.client, node.clock)
    this.#records = recordsFromStatus(pod, node.clock.now())
    this.#startTime = pod.status?.startTime ?? rfc3339(node.clock.now())
    this.#status = createStatusWriter(node, pod)
    const { phase } = pod.status ?? {}
    this.#final = phase === 'Succeeded' || phase === 'Failed'
    if (phase === 'Failed' && pod.status?.reason !== undefined) this.#failure = { reason: pod.status.reason, message: pod.status.message ?? '' }
  }

  get pod(): Pod { return this.#pod }
  get records(): readonly ContainerRecord[] { return this.#records }
  get ip(): string | undefined { return this.#network?.ip }

  /** The object has changed. */
  update(pod: Pod): void {
    this.#pod = pod
    for (const { spec } of containersOf(pod)) {
      const record = this.#records.find((r) => r.spec.name === spec.name)
      if (record === undefined) this.#records.push(newRecord(spec, 'ephemeral'))
      else this.#redefine(record, spec)
    }
    if (pod.metadata.deletionTimestamp !== undefined) this.#leaving.resolve()
    const grace = pod.metadata.deletionGracePeriodSeconds
    if (this.#ending && grace === 0) this.#killNow.resolve()
    this.wake()
  }

  /** The image is the one thing of a container that may change while it runs: it is then started anew. */
  #redefine(record: ContainerRecord, spec: ContainerSpec): void {
    const changed = record.spec.image !== spec.image
    record.spec = spec
    if (!changed) return
    if (record.state.type === 'waiting') this.wake()
    const grace = this.#pod.spec.terminationGracePeriodSeconds ?? defaultGrace
    void stopContainer(this.#stopWorld(), record, { graceMs: grace * 1_000, message: `Container ${spec.name} definition changed, will be restarted` })
  }

  /** Something the pod refers to has changed. */
  refresh(): void {
    this.#volumes?.refresh(this.#pod)
    this.wake()
  }

  /** The object is gone: nothing may run any more. */
  async remove(): Promise<void> {
    this.#gone = true
    this.#leaving.resolve()
    this.#killNow.resolve()
    await this.#idle
    await this.#release()
  }

  /** The node agent ends: containers are asked to end and are not waited for longer than `graceMs`; the pod stays. */
  async shutDown(graceMs: number): Promise<void> {
    this.#gone = true
    this.#leaving.resolve()
    this.#clearTimers()
    const running = this.#records.flatMap((r) => (r.instance === undefined ? [] : [r.instance]))
    for (const record of this.#records) record.prober?.[Symbol.dispose]()
    for (const instance of running) instance.stop()
    const late = Promise.withResolvers<void>()
    const timer = this.#node.clock.timer(graceMs, late.resolve)
    await Promise.race([Promise.all(running.map((i) => i.ended)), late.promise])
    timer[Symbol.dispose]()
    for (const instance of running) instance.kill()
    await Promise.all(running.map((i) => i.ended))
    await this.#status.stop()
    this.#detach()
  }

  wake(): void {
    if (this.#running) {
      this.#again = true
      return
    }
    this.#running = true
    this.#idle = this.#loop()
  }

  async #loop(): Promise<void> {
    do {
      this.#again = false
      try {
        await this.#pass()
      } catch (error) {
        this.#node.log.error('pod sync failed', { pod: podLabel(this.#pod), error: messageOf(error) })
        this.#wakeIn(retryMs)
      }
      this.#writeStatus()
    } while (this.#again)
    this.#running = false
  }

  async #pass(): Promise<void> {
    if (this.#gone) return
    if (this.#pod.metadata.deletionTimestamp !== undefined) return this.#terminate()
    if (this.#final || this.#failure !== undefined) return
    this.#watchDeadline()
    if (!this.#attach()) return
    if (!(await this.#mount())) return
    await this.#startWhatIsDue()
  }

  #attach(): boolean {
    if (this.#network !== undefined) return true
    const { spec, metadata } = this.#pod
    const { fabric, addresses, ip, events } = this.#node
    const host = spec.hostNetwork === true
    const address = host ? ip : addresses.take(this.#pod.status?.podIP)
    const network = fabric.attach({
      ip: address, namespace: metadata.namespace ?? '', pod: metadata.name ?? '', node: host, shared: host,
      labels: () => this.#pod.metadata.labels ?? {},
      portNamed: (name) => this.#pod.spec.containers.map((c) => portNumber(name, c)).find((p) => p !== undefined),
    }, { hosts: Object.fromEntries((spec.hostAliases ?? []).flatMap((a) => (a.hostnames ?? []).map((h) => [h.toLowerCase(), a.ip]))) })
    this.#network = network
    this.#hostPorts.push(network.onListen(() => {
      for (const record of this.#records) record.prober?.hurry()
    }))
    try {
      for (const port of host ? [] : spec.containers.flatMap((c) => c.ports ?? [])) {
        if (port.hostPort !== undefined && port.hostPort !== 0 && (port.protocol ?? 'TCP') === 'TCP') this.#hostPorts.push(network.publish({ ip, port: port.hostPort }, port.containerPort))
      }
    } catch (error) {
      if (!isCoded(error, 'PortInUse')) throw error
      this.#failure = { reason: 'NodePorts', message: 'Pod was rejected: Predicate NodePorts failed: node(s) didn\'t have free ports for the requested pod ports' }
      events.event({ object: this.#pod }, 'Warning', 'NodePorts', this.#failure.message)
      this.#detach()
      return false
    }
    return true
  }

  get #facts(): DownwardFacts {
    return { podIp: this.#network?.ip ?? '', hostIp: this.#node.ip, allocatable: this.#node.allocatable }
  }

  async #mount(): Promise<boolean> {
    if (this.#volumes !== undefined) return true
    const { objects, podsDirectory, root, events } = this.#node
    const tokens = this.#tokens
    try {
      this.#volumes = await setUpVolumes(this.#pod, {
        ...objects,
        token: async (pod, audience, seconds) => Buffer.from(await tokens.token(pod, audience, seconds)),
        facts: this.#facts, podDirectory: join(podsDirectory, this.#pod.metadata.uid ?? ''), nodeRoot: root,
      })
      return true
    } catch (error) {
      if (!isCoded(error, 'FailedMount', 'PathInvalid')) throw error
      if (this.#mountProblem !== error.message) events.event({ object: this.#pod }, 'Warning', 'FailedMount', error.message)
      this.#mountProblem = error.message
      return false // A change of what it refers to wakes the pod.
    }
  }

  async #startWhatIsDue(): Promise<void> {
    for (const record of this.#records.filter((r) => r.role === 'init' || r.role === 'sidecar')) {
      const { state, role } = record
      if (role === 'init' && state.type === 'terminated' && state.terminated.exitCode === 0) continue
      if (role === 'init' && state.type === 'terminated' && !shouldRestart(this.#pod.spec.restartPolicy, record)) return this.#finish()
      if (state.type !== 'running') await this.#startOrWait(record)
      if (role === 'init' || !record.started) return this.#markInitializing()
    }
    const regular = this.#records.filter((r) => r.role === 'regular')
    const due = regular.filter((r) => r.state.type !== 'running' && shouldRestart(this.#pod.spec.restartPolicy, r))
    const debug = this.#records.filter((r) => r.role === 'ephemeral' && r.state.type === 'waiting')
    await Promise.all([...due, ...debug].map((r) => this.#startOrWait(r)))
    if (regular.every((r) => r.state.type === 'terminated' && !shouldRestart(this.#pod.spec.restartPolicy, r))) await this.#finish()
  }

  #markInitializing(): void {
    for (const r of this.#records) if (r.role === 'regular' && r.state.type === 'waiting' && r.last === undefined) r.state = { type: 'waiting', reason: 'PodInitializing' }
  }

  async #startOrWait(record: ContainerRecord): Promise<void> {
    const { clock, events } = this.#node
    const now = clock.now()
    const restarts = record.state.type === 'terminated' || record.last !== undefined
    const allowedAt = restartAllowedAt(record)
    if (restarts && now < allowedAt) {
      const message = `back-off ${formatDuration(record.backoffMs)} restarting failed container=${record.spec.name} pod=${podLabel(this.#pod)}`
      if (record.backoffUntil !== allowedAt) {
        record.backoffUntil = allowedAt
        events.event({ object: this.#pod, fieldPath: fieldPathOf(record) }, 'Warning', 'BackOff', `Back-off restarting failed container ${record.spec.name} in pod ${podLabel(this.#pod)}`)
        this.#wakeIn(allowedAt - now)
      }
      if (record.state.type === 'terminated') record.last = record.state.terminated
      record.state = { type: 'waiting', reason: 'CrashLoopBackOff', message }
      return
    }
    if (record.state.type === 'terminated') record.last = record.state.terminated
    await this.#start(record, restarts)
  }

  async #start(record: ContainerRecord, restarts: boolean): Promise<void> {
    const { events } = this.#node
    const before = record.state
    if (restarts) record.restartCount++
    const runtime = this.#runtime()
    const previousId = record.containerId
    record.state = { type: 'starting' }
    try {
      const { instance, simulated } = await startContainer(this.#node, runtime, record)
      if (previousId !== '') void unlinkLog(this.#node, this.#pod, record.spec.name, previousId).catch(() => {})
      if (restarts) noteRestart(record)
      record.instance = instance
      record.state = { type: 'running', startedAt: instance.startedAt }
      this.#simulated = (this.#simulated ?? false) || simulated
      void instance.ended.then((ended) => this.#onEnd(record, ended))
      if (this.#gone) return instance.kill()
      await this.#postStart(record)
      this.#probe(record)
    } catch (error) {
      if (!(error instanceof NotStarted)) throw error
      if (restarts) record.restartCount--
      const first = before.type !== 'waiting' || before.reason !== error.reason
      record.state = { type: 'waiting', reason: error.reason, message: error.message }
      if (first) events.event({ object: this.#pod, fieldPath: fieldPathOf(record) }, 'Warning', eventReason(error.reason), `Error: ${error.message}`)
      if (error.reason === 'ErrImagePull') this.#wakeIn(10_000)
    }
  }

  #runtime(): PodRuntime {
    const { root } = this.#node
    if (this.#network === undefined || this.#volumes === undefined) throw new Error('a container starts before its pod has network and volumes')
    return {
      pod: this.#pod, ip: this.#network.ip, network: this.#network, volumes: this.#volumes, tokens: this.#tokens, facts: this.#facts,
      logDirectory: join(root, 'var/log/pods', logDirectoryName(this.#pod)),
    }
  }

  #target(record: ContainerRecord): ProbeTarget | undefined {
    if (record.instance === undefined || this.#network === undefined) return undefined
    const { net, fabric, clock } = this.#node
    return { pod: this.#pod, container: record.spec, instance: record.instance, podIp: this.#network.ip, net, fabric, clock }
  }

  async #postStart(record: ContainerRecord): Promise<void> {
    const hook = record.spec.lifecycle?.postStart
    const target = this.#target(record)
    if (hook === undefined || target === undefined) return
    this.#writeStatus() // The hook may take its time.
    const result = await Promise.race([runProbe(target, hook, hookTimeout), this.#leaving.promise.then(() => ({ ok: true, message: '' }))])
    if (result.ok) return
    this.#node.events.event({ object: this.#pod, fieldPath: fieldPathOf(record) }, 'Warning', 'FailedPostStartHook', `PostStartHook failed: ${result.message}`)
    void stopContainer(this.#stopWorld(), record, { graceMs: defaultGrace * 1_000, message: 'FailedPostStartHook' })
  }

  #probe(record: ContainerRecord): void {
    const { instance, spec, role } = record
    if (instance === undefined || record.state.type !== 'running') return
    const { clock, events } = this.#node
    const target = { object: this.#pod, fieldPath: fieldPathOf(record) }
    const follow = () => {
      if (record.instance !== instance || record.state.type !== 'running') return
      record.started = record.prober?.started ?? false
      record.ready = record.prober?.ready ?? false
      this.wake()
    }
    const probes = role === 'init' || role === 'ephemeral' ? {} : {
      ...(spec.startupProbe === undefined ? {} : { startup: spec.startupProbe }),
      ...(spec.livenessProbe === undefined ? {} : { liveness: spec.livenessProbe }),
      ...(spec.readinessProbe === undefined ? {} : { readiness: spec.readinessProbe }),
    }
    record.prober = createProber({
      clock, probes,
      run: async (_kind, probe, timeoutMs) => {
        const on = this.#target(record)
        return on === undefined ? { ok: false, message: 'the container has ended' } : runProbe(on, probe, timeoutMs)
      },
      changed: follow,
      failed: (kind, message) => events.event(target, 'Warning', 'Unhealthy', `${kind === 'startup' ? 'Startup' : kind === 'liveness' ? 'Liveness' : 'Readiness'} probe failed: ${message}`),
      unhealthy: (kind) => {
        const probe = kind === 'startup' ? spec.startupProbe : spec.livenessProbe
        const grace = probe?.terminationGracePeriodSeconds ?? this.#pod.spec.terminationGracePeriodSeconds ?? defaultGrace
        void stopContainer(this.#stopWorld(), record, { graceMs: grace * 1_000, message: `Container ${spec.name} failed ${kind} probe, will be restarted` })
      },
    })
    follow()
  }

  #onEnd(record: ContainerRecord, ended: TerminatedState): void {
    record.prober?.[Symbol.dispose]()
    Object.assign(record, { prober: undefined, instance: undefined, started: false, ready: false, state: { type: 'terminated', terminated: ended } })
    noteEnd(record)
    if (!this.#gone) this.wake()
  }

  /** No container will start again: sidecars end, the last first. */
  async #finish(): Promise<void> {
    this.#final = true
    await this.#stopAll((this.#pod.spec.terminationGracePeriodSeconds ?? defaultGrace) * 1_000)
    this.#detach()
    this.#deadline?.[Symbol.dispose]()
  }

  #stopWorld(): StopWorld {
    return { node: this.#node, pod: this.#pod, killNow: this.#killNow.promise, target: (record) => this.#target(record) }
  }

  async #stopAll(graceMs: number): Promise<void> {
    const world = this.#stopWorld()
    const until = this.#node.clock.now() + graceMs
    await Promise.all(this.#records.filter((r) => r.role !== 'sidecar').map((r) => stopContainer(world, r, { graceMs })))
    for (const sidecar of this.#records.filter((r) => r.role === 'sidecar').reverse()) {
      await stopContainer(world, sidecar, { graceMs: Math.max(0, until - this.#node.clock.now()) })
    }
  }

  async #terminate(): Promise<void> {
    if (this.#ending) return
    this.#ending = true
    const grace = this.#pod.metadata.deletionGracePeriodSeconds ?? this.#pod.spec.terminationGracePeriodSeconds ?? defaultGrace
    if (grace === 0) this.#killNow.resolve()
    // Not awaited by the loop: probes and status go on meanwhile.
    void this.#stopAll(grace * 1_000).then(async () => {
      this.#final = true
      this.#detach()
      this.#writeStatus()
      await this.#status.flush()
      if (!this.#gone) await this.#status.deletePod(this.#pod)
    }).catch((error: unknown) => {
      this.#ending = false
      this.#node.log.error('pod could not be ended', { pod: podLabel(this.#pod), error: messageOf(error) })
      this.#wakeIn(retryMs)
    })
  }

  #watchDeadline(): void {
    const seconds = this.#pod.spec.activeDeadlineSeconds
    if (seconds === undefined || this.#deadline !== undefined) return
    const left = Date.parse(this.#startTime) + seconds * 1_000 - this.#node.clock.now()
    this.#deadline = this.#node.clock.timer(left, () => {
      if (this.#final || this.#ending || this.#gone) return
      this.#failure = { reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' }
      this.#node.events.event({ object: this.#pod }, 'Normal', 'DeadlineExceeded', this.#failure.message)
      void this.#finish().then(() => this.wake())
    })
  }

  #writeStatus(): void {
    if (this.#gone) return
    this.#status.write(() => ({
      pod: this.#pod,
      status: podStatus(this.#pod, {
        records: this.#records, hostIp: this.#node.ip, podIp: this.#network?.ip ?? this.#pod.status?.podIP, startTime: this.#startTime,
        failure: this.#failure, final: this.#final, now: this.#node.clock.now(),
      }),
      standIn: this.#simulated === undefined ? undefined : this.#simulated ? 'simulated' : 'program',
    }))
  }

  #wakeIn(ms: number): void {
    if (this.#gone) return
    const timer = this.#node.clock.timer(ms, () => {
      this.#timers.delete(timer)
      this.wake()
    })
    this.#timers.add(timer)
  }

  #clearTimers(): void {
    for (const timer of this.#timers) timer[Symbol.dispose]()
    this.#timers.clear()
    this.#deadline?.[Symbol.dispose]()
  }

  #detach(): void {
    for (const port of this.#hostPorts) port[Symbol.dispose]()
    this.#hostPorts = []
    if (this.#network === undefined) return
    this.#network[Symbol.dispose]()
    if (this.#pod.spec.hostNetwork !== true) this.#node.addresses.release(this.#network.ip)
    this.#network = undefined
  }

  async #release(): Promise<void> {
    this.#clearTimers()
    const running = this.#records.flatMap((r) => (r.instance === undefined ? [] : [r.instance]))
    for (const record of this.#records) record.prober?.[Symbol.dispose]()
    for (const instance of running) instance.kill()
    await Promise.all(running.map((i) => i.ended))
    await this.#status.stop()
    this.#detach()
    await this.#volumes?.release()
    for (const record of this.#records) if (record.containerId !== '') await unlinkLog(this.#node, this.#pod, record.spec.name, record.containerId)
    const logs = join(this.#node.root, 'var/log/pods', logDirectoryName(this.#pod))
    this.#node.clock.timer(logsKeptMs, () => void rm(logs, { recursive: true, force: true }).catch(() => {}))
    this.#done()
  }
}

function eventReason(waiting: string): string {
  return waiting === 'InvalidImageName' ? 'InspectFailed' : waiting === 'ErrImageNeverPull' ? 'ErrImageNeverPull' : 'Failed'
}
