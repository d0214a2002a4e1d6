import { parseApiVersion } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import type { Operation, ResourceResult, SyncStatusCode } from '../../kinds/application.ts'
import { keyText, objectKey } from '../object-key.ts'
import { hookTypesOf, syncOptionsOf, waveOf, type HookType } from './annotations.ts'
import { kindPosition } from './kind-order.ts'

export type SyncPhase = 'PreSync' | 'Sync' | 'PostSync' | 'SyncFail'

/** What the comparison found about one object. */
export interface ComparedResource {
  readonly target: AnyObject | undefined
  readonly live: AnyObject | undefined
  readonly status: SyncStatusCode
}

/** One thing a sync does: apply, create a hook, or prune. */
export interface SyncTask {
  /** Equal for the same thing in every pass: phase, kind, namespace, name. */
  readonly id: string
  readonly phase: SyncPhase
  readonly wave: number
  readonly hook: HookType | undefined
  readonly target: AnyObject | undefined
  readonly live: AnyObject | undefined
  /** The target, or what is pruned. */
  readonly object: AnyObject
}

export interface TaskOptions {
  readonly operation: Operation
  readonly revision: string
  readonly startedAt: string
  /** Options of the application's sync policy and of the operation. */
  readonly options: ReadonlySet<string>
  /** Live object of a hook, by `keyText`. */
  liveHook(key: string): AnyObject | undefined
}

/** Everything a sync has to do, in the order of phases, waves and kinds. */
export function planTasks(resources: readonly ComparedResource[], hooks: readonly AnyObject[], { operation, revision, startedAt, options, liveHook }: TaskOptions): SyncTask[] {
  const sync = operation.sync ?? {}
  const selected = sync.resources === undefined || sync.resources.length === 0 ? undefined : sync.resources
  const isSelected = (object: AnyObject): boolean => {
    const key = objectKey(object)
    return selected === undefined || selected.some((one) => (one.group ?? '') === key.group && one.kind === key.kind && one.name === key.name && (one.namespace === undefined || one.namespace === '' || one.namespace === key.namespace))
  }
  const tasks: SyncTask[] = []
  for (const { target, live, status } of resources) {
    const object = target ?? live
    if (object === undefined || !isSelected(object)) continue
    const outOfSyncOnly = options.has('ApplyOutOfSyncOnly=true') || syncOptionsOf(target).has('ApplyOutOfSyncOnly=true')
    if (target !== undefined && outOfSyncOnly && status === 'Synced' && selected === undefined) continue
    tasks.push(task('Sync', undefined, object, { target, live }))
  }
  if (selected === undefined && sync.syncStrategy?.apply === undefined) {
    for (const hook of hooks) tasks.push(...hookTasks(hook, { revision, startedAt, liveHook }))
  }
  return withPruneWaves(tasks, options).sort(compareTasks)
}

function hookTasks(hook: AnyObject, { revision, startedAt, liveHook }: Pick<TaskOptions, 'revision' | 'startedAt' | 'liveHook'>): SyncTask[] {
  const tasks: SyncTask[] = []
  for (const type of hookTypesOf(hook)) {
    if (type !== 'PreSync' && type !== 'Sync' && type !== 'PostSync' && type !== 'SyncFail') continue
    const target = named(hook, `${revision.slice(0, 7)}-${type}-${Math.floor(Date.parse(startedAt) / 1000)}`.toLowerCase())
    tasks.push(task(type, type, target, { target, live: liveHook(keyText(objectKey(target))) }))
  }
  return tasks
}

/** Hooks with `generateName` get the same name in every pass of one sync. */
function named(hook: AnyObject, suffix: string): AnyObject {
  if (hook.metadata.name !== undefined && hook.metadata.name !== '') return hook
  const { generateName = '', ...metadata } = hook.metadata
  return { ...hook, metadata: { ...metadata, name: `${generateName}${suffix}` } }
}

function task(phase: SyncPhase, hook: HookType | undefined, object: AnyObject, { target, live }: { target: AnyObject | undefined; live: AnyObject | undefined }): SyncTask {
  return { id: `${phase}/${keyText(objectKey(object))}`, phase, wave: waveOf(object), hook, target, live, object }
}

/** What is pruned goes in the reverse order of the waves it came in; with PruneLast after everything else. */
function withPruneWaves(tasks: readonly SyncTask[], options: ReadonlySet<string>): SyncTask[] {
  const waves = [...new Set(tasks.filter(isPrune).map((one) => one.wave))].sort((a, b) => a - b)
  const reversed = new Map(waves.map((wave, at) => [wave, waves[waves.length - 1 - at] ?? wave]))
  const last = tasks.filter((one) => one.phase === 'Sync').reduce((most, one) => Math.max(most, one.wave), 0) + 1
  return tasks.map((one) => {
    if (!isPrune(one)) return one
    const late = options.has('PruneLast=true') || syncOptionsOf(one.live).has('PruneLast=true')
    return { ...one, wave: late ? last : reversed.get(one.wave) ?? one.wave }
  })
}

export function isPrune(one: SyncTask): boolean {
  return one.target === undefined
}

const phases: readonly SyncPhase[] = ['PreSync', 'Sync', 'PostSync', 'SyncFail']

function compareTasks(a: SyncTask, b: SyncTask): number {
  return phases.indexOf(a.phase) - phases.indexOf(b.phase) || a.wave - b.wave || kindPosition(a.object.kind) - kindPosition(b.object.kind)
    || (a.object.metadata.name ?? '').localeCompare(b.object.metadata.name ?? '')
}

/** The row of a sync result that belongs to a task. */
export function resultFor(one: SyncTask, row: Partial<ResourceResult>): ResourceResult {
  const { group, version } = parseApiVersion(one.object.apiVersion)
  return {
    group, version, kind: one.object.kind, namespace: one.object.metadata.namespace ?? '', name: one.object.metadata.name ?? '', syncPhase: one.phase,
    ...(one.hook === undefined ? {} : { hookType: one.hook }), ...row,
  }
}

export function resultId(row: ResourceResult): string {
  return `${row.syncPhase ?? 'Sync'}/${row.group}/${row.kind}/${row.namespace}/${row.name}`
}
