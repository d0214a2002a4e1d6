import type { Client } from '@idp/client'
import type { AnyObject } from '@idp/formats'
import type { Clock, Log } from '@idp/kit'
import type { Settings } from '../engine/settings.ts'
import type { AppProject } from '../kinds/app-project.ts'
import type { Application } from '../kinds/application.ts'
import type { CompareContext, Predictions } from './compare-application.ts'
import type { ControllerMetrics } from './controller-metrics.ts'
import type { LoadContext, LoadedSources, Targets } from './load-targets.ts'
import type { TaskContext } from './run-task.ts'

/** What the controller keeps of one Application between passes. Losing it costs time, never correctness. */
export interface Memory {
  loaded: LoadedSources | undefined
  /** The part of the spec that `loaded` belongs to. */
  specIdentity: string
  loadedAt: number
  /** Look at Git again even though nothing asks for it. */
  stale: boolean
  /** When a request to refresh was first seen: answers of the Git server from before do not count. */
  refreshSeenAt: number | undefined
  reconciled: boolean
  /** When the status was last found true or written, in milliseconds since the epoch. */
  wroteAt: number
  /** Failures to load in a row. */
  failures: number
  /** Since when the repo server, or the Git server behind it, does not answer at all. */
  unreachableSince: number | undefined
  readonly predictions: Predictions
  /** Keys of targets and hooks, to find the Application when one of them changes. */
  keys: ReadonlySet<string>
  /** Kinds that were not served when last looked for. */
  missingKinds: boolean
  /** A kind that was missing is served now: a failed sync is tried again without waiting. */
  kindsCame: boolean
}

export function newMemory(): Memory {
  return { loaded: undefined, specIdentity: '', loadedAt: 0, stale: false, refreshSeenAt: undefined, reconciled: false, wroteAt: 0, failures: 0, unreachableSince: undefined, predictions: new Map(), keys: new Set(), missingKinds: false, kindsCame: false }
}

/** What passes use of the controller. */
export interface ControllerContext {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly metrics: ControllerMetrics
  readonly selfHealTimeout: number
  settings(): Settings
  project(application: Application): AppProject | undefined
  loadContext(): LoadContext
  compareContext(memory: Memory): CompareContext
  taskContext(): Pick<TaskContext, 'client' | 'live' | 'clock' | 'signal' | 'kindOf'>
  /** Starts watching what the targets name, and remembers whom to wake. */
  followTargets(memory: Memory, targets: Targets, application: Application): Promise<void>
  /** Another Application that the object is tracked by. */
  ownerOf(live: AnyObject, application: Application): string | undefined
  /** The Application as the cache has it now. */
  latest(application: Application): Application
  observe(application: Application): void
  event(about: AnyObject | Application, type: 'Normal' | 'Warning', reason: string, message: string): void
}
