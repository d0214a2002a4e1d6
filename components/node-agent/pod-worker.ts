import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pod } from '@idp/api'
import { isCoded, messageOf, rfc3339 } from '@idp/kit'
import { newRecord, type ContainerRecord } from './container-record.ts'
import { createContainerRunner, type ContainerRunner } from './container-runner.ts'
import { logDirectoryName, unlinkLog, type PodRuntime } from './container-starter.ts'
import type { DownwardFacts } from './downward-fields.ts'
import type { NodeContext } from './node-context.ts'
import { attachPod, type PodNetwork } from './pod-network.ts'
import { podReferences } from './pod-references.ts'
import { containersOf, podLabel, type PodStatus } from './pod-spec.ts'
import { podStatus } from './pod-status.ts'
import { createStatusWriter, type StatusWriter } from './pod-status-writer.ts'
import { setUpVolumes, type PodVolumes } from './pod-volumes.ts'
import { recordsFromStatus } from './records-from-status.ts'
import { shouldRestart } from './restart-rules.ts'
import { createTokenSource, type TokenSource } from './service-account-tokens.ts'

const retryMs = 2_000
const logsKeptMs = 60_000
const defaultGrace = 30

/** False for a running container that is not ready and whose next probe is not due at once. */
function isProbed({ state, ready, spec }: ContainerRecord): boolean {
  const probe = spec.startupProbe ?? spec.readinessProbe
  return ready || state.type !== 'running' || (probe !== undefined && (probe.initialDelaySeconds ?? 0) === 0)
}

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
  readonly #runner: ContainerRunner
  readonly #timers = new Set<Disposable>()
  readonly #killNow = Promise.withResolvers<void>()
  /** Resolves when the pod is to go: a hook that still runs is not waited for. */
  readonly #leaving = Promise.withResolvers<void>()
  #pod: Pod
  #references: ReadonlySet<string> | undefined
  #records: ContainerRecord[]
  #network: PodNetwork | undefined
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
  #computed: PodStatus | undefined

  constructor(node: NodeContext, pod: Pod, done: () => void) {
    this.#node = node
    this.#pod = pod
    this.#done = done
    this.#tokens = createTokenSource(node.client, node.clock)
    this.#records = recordsFromStatus(pod, node.clock.now())
    this.#startTime = pod.status?.startTime ?? rfc3339(node.clock.now())
    this.#status = createStatusWriter(node, pod)
    this.#runner = createContainerRunner({
      node, pod: () => this.#pod, runtime: () => this.#runtime(), leaving: this.#leaving.promise, killNow: this.#killNow.promise, gone: () => this.#gone,
      wake: () => this.wake(), wakeIn: (ms) => this.#wakeIn(ms), writeStatus: () => this.#writeStatus(),
      started: (simulated) => { this.#simulated = (this.#simulated ?? false) || simulated },
    })
    const { phase } = pod.status ?? {}
    this.#final = phase === 'Succeeded' || phase === 'Failed'
    if (phase === 'Failed' && pod.status?.reason !== undefined) this.#failure = { reason: pod.status.reason, message: pod.status.message ?? '' }
  }

  get pod(): Pod { return this.#pod }
  /** Names of what the pod refers to; `refresh` when one of them changes. */
  get references(): ReadonlySet<string> { return (this.#references ??= podReferences(this.#pod)) }
  get records(): readonly ContainerRecord[] { return this.#records }
  get ip(): string | undefined { return this.#network?.interface.ip }

  /** The object has changed. */
  update(pod: Pod): void {
    this.#pod = pod
    this.#references = undefined
    for (const { spec } of containersOf(pod)) {
      const record = this.#records.find((r) => r.spec.name === spec.name)
      if (record === undefined) this.#records.push(newRecord(spec, 'ephemeral'))
      else this.#runner.redefine(record, spec)
    }
    if (pod.metadata.deletionTimestamp !== undefined) this.#leaving.resolve()
    const grace = pod.metadata.deletionGracePeriodSeconds
    if (this.#ending && grace === 0) this.#killNow.resolve()
    this.wake()
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
    try {
      this.#network = attachPod(this.#node, () => this.#pod, () => {
        for (const record of this.#records) record.prober?.hurry()
      })
      return true
    } catch (error) {
      if (!isCoded(error, 'NodePorts')) throw error
      this.#failure = { reason: error.code, message: error.message }
      this.#node.events.event({ object: this.#pod }, 'Warning', error.code, error.message)
      return false
    }
  }

  get #facts(): DownwardFacts {
    return { podIp: this.ip ?? '', hostIp: this.#node.ip, allocatable: this.#node.allocatable }
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
      if (isCoded(error, 'VolumeNotBound')) return false // The scheduler does not wait for it; no reason for a warning.
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
      if (state.type !== 'running') await this.#runner.startOrWait(record)
      if (role === 'init' || !record.started) return this.#markInitializing()
    }
    const regular = this.#records.filter((r) => r.role === 'regular')
    const due = regular.filter((r) => r.state.type !== 'running' && shouldRestart(this.#pod.spec.restartPolicy, r))
    const debug = this.#records.filter((r) => r.role === 'ephemeral' && r.state.type === 'waiting')
    await Promise.all([...due, ...debug].map((r) => this.#runner.startOrWait(r)))
    if (regular.every((r) => r.state.type === 'terminated' && !shouldRestart(this.#pod.spec.restartPolicy, r))) await this.#finish()
  }

  #markInitializing(): void {
    for (const r of this.#records) if (r.role === 'regular' && r.state.type === 'waiting' && r.last === undefined) r.state = { type: 'waiting', reason: 'PodInitializing' }
  }

  #runtime(): PodRuntime {
    const { root } = this.#node
    if (this.#network === undefined || this.#volumes === undefined) throw new Error('a container starts before its pod has network and volumes')
    return {
      pod: this.#pod, ip: this.#network.interface.ip, network: this.#network.interface, volumes: this.#volumes, tokens: this.#tokens, facts: this.#facts,
      logDirectory: join(root, 'var/log/pods', logDirectoryName(this.#pod)),
    }
  }

  /** No container will start again: sidecars end, the last first. */
  async #finish(): Promise<void> {
    this.#final = true
    await this.#stopAll((this.#pod.spec.terminationGracePeriodSeconds ?? defaultGrace) * 1_000)
    this.#detach()
    this.#deadline?.[Symbol.dispose]()
  }

  async #stopAll(graceMs: number): Promise<void> {
    const until = this.#node.clock.now() + graceMs
    await Promise.all(this.#records.filter((r) => r.role !== 'sidecar').map((r) => this.#runner.stop(r, { graceMs })))
    for (const sidecar of this.#records.filter((r) => r.role === 'sidecar').reverse()) {
      await this.#runner.stop(sidecar, { graceMs: Math.max(0, until - this.#node.clock.now()) })
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
    this.#status.write(() => {
      const status = podStatus(this.#pod, {
        records: this.#records, hostIp: this.#node.ip, podIp: this.ip ?? this.#pod.status?.podIP, startTime: this.#startTime,
        failure: this.#failure, final: this.#final, now: this.#node.clock.now(), previous: this.#computed,
      })
      this.#computed = status
      return { pod: this.#pod, status, standIn: this.#simulated === undefined ? undefined : this.#simulated ? 'simulated' : 'program', probing: this.#records.every(isProbed) }
    })
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
    this.#network?.[Symbol.dispose]()
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
