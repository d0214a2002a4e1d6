import type { Pod } from '@idp/api'
import { rfc3339 } from '@idp/kit'
import type { ContainerRecord } from './container-record.ts'
import type { ContainerState, ContainerStatus, PodCondition, PodStatus } from './pod-spec.ts'
import { qosClass } from './qos-class.ts'

/** What a pod's status is made of, beside the pod itself. */
export interface PodFacts {
  readonly records: readonly ContainerRecord[]
  readonly hostIp: string
  readonly podIp: string | undefined
  readonly startTime: string
  /** The pod's own verdict, which ends everything: rejected by the node, deadline exceeded. */
  readonly failure: { readonly reason: string; readonly message: string } | undefined
  /** No container will be started again. */
  readonly final: boolean
  readonly now: number
  /** The status computed last. Transition times are kept from it and not from the pod, which lags behind what has been written. */
  readonly previous: PodStatus | undefined
}

type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed'

/** The status of a pod as kubelet writes it. Conditions that others own (scheduler, readiness gates) are kept from `pod.status`. */
export function podStatus(pod: Pod, facts: PodFacts): PodStatus {
  const phase = podPhase(pod, facts)
  const before = pod.status
  const byRole = (role: 'init' | 'regular' | 'ephemeral') => facts.records.filter((r) => (r.role === 'sidecar' ? 'init' : r.role) === role)
  const status: PodStatus = {
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    phase,
    conditions: conditions(pod, facts, phase),
    hostIP: facts.hostIp,
    hostIPs: [{ ip: facts.hostIp }],
    startTime: facts.startTime,
    qosClass: qosClass(pod),
  }
  if (before?.nominatedNodeName !== undefined) status.nominatedNodeName = before.nominatedNodeName
  if (facts.podIp !== undefined) Object.assign(status, { podIP: facts.podIp, podIPs: [{ ip: facts.podIp }] })
  if (facts.failure !== undefined) Object.assign(status, facts.failure)
  const init = byRole('init')
  const ephemeral = byRole('ephemeral')
  if (init.length > 0) status.initContainerStatuses = init.map((r) => containerStatus(pod, r))
  status.containerStatuses = byRole('regular').map((r) => containerStatus(pod, r)).sort((a, b) => (a.name < b.name ? -1 : 1))
  if (ephemeral.length > 0) status.ephemeralContainerStatuses = ephemeral.map((r) => containerStatus(pod, r))
  if (facts.failure !== undefined && facts.records.every((r) => r.containerId === '')) for (const none of ['initContainerStatuses', 'containerStatuses'] as const) delete status[none]
  return status
}

/** The phase, from the containers: Pending until all have been started once, then Running, until all have ended for good. */
export function podPhase(pod: Pod, facts: Pick<PodFacts, 'records' | 'failure' | 'final'>): Phase {
  if (facts.failure !== undefined) return 'Failed'
  const init = facts.records.filter((r) => r.role === 'init')
  const regular = facts.records.filter((r) => r.role === 'regular')
  const never = pod.spec.restartPolicy === 'Never'
  if (never && init.some((r) => r.state.type === 'terminated' && r.state.terminated.exitCode !== 0)) return 'Failed'
  const initialised = isInitialised(facts.records)
  const ended = regular.filter((r) => r.state.type === 'terminated')
  if (ended.length === regular.length && (facts.final || !initialised)) {
    if (facts.final) return ended.every((r) => r.state.type === 'terminated' && r.state.terminated.exitCode === 0) ? 'Succeeded' : 'Failed'
  }
  if (!initialised && !regular.some((r) => r.containerId !== '')) return 'Pending'
  // A container that waits and never ran keeps the pod Pending; one that ran before is between two starts.
  return regular.some((r) => r.state.type !== 'running' && r.state.type !== 'terminated' && r.last === undefined) ? 'Pending' : 'Running'
}

/** All init containers have ended well and all sidecars have started. */
export function isInitialised(records: readonly ContainerRecord[]): boolean {
  return records.every((r) => {
    if (r.role === 'init') return r.state.type === 'terminated' && r.state.terminated.exitCode === 0
    return r.role !== 'sidecar' || r.started
  })
}

function conditions(pod: Pod, facts: PodFacts, phase: Phase): PodCondition[] {
  const old = new Map((pod.status?.conditions ?? []).map((c) => [c.type, c]))
  const own = new Map((facts.previous ?? pod.status)?.conditions?.map((c) => [c.type, c]))
  const now = rfc3339(facts.now)
  const done = phase === 'Succeeded'
  const failed = phase === 'Failed'
  const make = (type: string, status: boolean, reason?: string, message?: string): PodCondition => {
    const before = own.get(type)
    const value = status ? 'True' : 'False'
    return {
      type, status: value, lastProbeTime: null as never, lastTransitionTime: before?.status === value && before.lastTransitionTime !== undefined ? before.lastTransitionTime : now,
      ...(reason === undefined ? {} : { reason }), ...(message === undefined ? {} : { message }),
      ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    } as PodCondition
  }
  const needed = facts.records.filter((r) => r.role === 'regular' || r.role === 'sidecar')
  const uninitialised = facts.records.filter((r) => (r.role === 'init' && !(r.state.type === 'terminated' && r.state.terminated.exitCode === 0)) || (r.role === 'sidecar' && !r.started))
  const initialized = done || uninitialised.length === 0
    ? make('Initialized', true, done ? 'PodCompleted' : undefined)
    : make('Initialized', false, failed ? 'PodFailed' : 'ContainersNotInitialized', failed ? undefined : `containers with incomplete status: [${uninitialised.map((r) => r.spec.name).join(' ')}]`)
  const unready = needed.filter((r) => !r.ready)
  const notReady = done ? { reason: 'PodCompleted', message: undefined } : failed ? { reason: 'PodFailed', message: undefined }
    : { reason: 'ContainersNotReady', message: `containers with unready status: [${unready.map((r) => r.spec.name).join(' ')}]` }
  const containersReady = !done && !failed && unready.length === 0
  const gate = (pod.spec.readinessGates ?? []).map((g) => g.conditionType).find((type) => old.get(type)?.status !== 'True')
  const ready = containersReady && gate === undefined
  const readyCondition = ready || !containersReady ? make('Ready', ready, ready ? undefined : notReady.reason, ready ? undefined : notReady.message)
    : make('Ready', false, 'ReadinessGatesNotReady', old.has(gate ?? '') ? `the status of pod readiness gate "${gate}" is not "True", but ${old.get(gate ?? '')?.status}` : `corresponding condition of pod readiness gate "${gate}" does not exist.`)
  const mine = [
    make('PodReadyToStartContainers', facts.podIp !== undefined && !done && !failed),
    initialized, readyCondition,
    make('ContainersReady', containersReady, containersReady ? undefined : notReady.reason, containersReady ? undefined : notReady.message),
    old.get('PodScheduled') ?? make('PodScheduled', true),
  ]
  const names = new Set(mine.map((c) => c.type))
  return [...mine, ...(pod.status?.conditions ?? []).filter((c) => !names.has(c.type))]
}

function containerStatus(pod: Pod, record: ContainerRecord): ContainerStatus {
  const { spec, role } = record
  const initDone = role === 'init' && record.state.type === 'terminated' && record.state.terminated.exitCode === 0
  const requests = spec.resources?.requests
  const mounts = (spec.volumeMounts ?? []).map((m) => ({ name: m.name, mountPath: m.mountPath, ...(m.readOnly === true ? { readOnly: true, recursiveReadOnly: 'Disabled' } : {}) }))
  return {
    name: spec.name,
    state: stateOf(pod, record),
    lastState: record.last === undefined ? {} : { terminated: record.last },
    ready: role === 'init' ? initDone : record.ready,
    restartCount: record.restartCount,
    image: spec.image ?? '',
    imageID: record.imageId,
    ...(record.containerId === '' ? {} : { containerID: record.containerId }),
    started: role === 'init' ? false : record.started,
    ...(requests === undefined || record.containerId === '' ? {} : { allocatedResources: requests }),
    ...(record.containerId === '' || role === 'ephemeral' ? {} : { resources: spec.resources ?? {} }),
    ...(mounts.length === 0 ? {} : { volumeMounts: mounts }),
  } as ContainerStatus
}

function stateOf(pod: Pod, record: ContainerRecord): ContainerState {
  const { state } = record
  if (state.type === 'running') return { running: { startedAt: rfc3339(state.startedAt) } }
  if (state.type === 'terminated') return { terminated: state.terminated }
  if (state.type === 'starting') return { waiting: { reason: (pod.spec.initContainers ?? []).length > 0 && record.role === 'regular' ? 'PodInitializing' : 'ContainerCreating' } }
  return { waiting: { reason: state.reason, ...(state.message === undefined ? {} : { message: state.message }) } }
}
