import type { ContainerInstance } from './container-instance.ts'
import type { ContainerRole, ContainerSpec, TerminatedState } from './pod-spec.ts'
import type { Prober } from './prober.ts'

/** What the node agent knows of one container of a pod. */
export interface ContainerRecord {
  /** As the pod says now; a running container keeps what it was started with. */
  spec: ContainerSpec
  readonly role: ContainerRole
  state: RecordState
  last: TerminatedState | undefined
  restartCount: number
  /** Startup probe passed, or none; only while running. */
  started: boolean
  /** Readiness probe passed, or none; only while running. */
  ready: boolean
  containerId: string
  imageId: string
  instance: ContainerInstance | undefined
  prober: Prober | undefined
  /** Crashes that count for the back-off, and until when it lasts (milliseconds since the epoch). */
  backoffMs: number
  backoffUntil: number
}

export type RecordState =
  | { readonly type: 'waiting'; readonly reason: string; readonly message?: string }
  | { readonly type: 'starting' }
  | { readonly type: 'running'; readonly startedAt: number }
  | { readonly type: 'terminated'; readonly terminated: TerminatedState }

/** A container that has not run yet. */
export function newRecord(spec: ContainerSpec, role: ContainerRole): ContainerRecord {
  return {
    spec, role, state: { type: 'waiting', reason: 'ContainerCreating' }, last: undefined, restartCount: 0, started: false, ready: false,
    containerId: '', imageId: '', instance: undefined, prober: undefined, backoffMs: 0, backoffUntil: 0,
  }
}
