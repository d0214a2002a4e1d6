import type { OperationPhase, ResourceResult } from '../../kinds/application.ts'
import type { Verdict } from '../health/verdict.ts'
import { hookDeletePolicies } from './annotations.ts'
import { hookState } from './hook-state.ts'
import { isPrune, resultFor, resultId, type SyncTask } from './tasks.ts'

export type Results = ReadonlyMap<string, ResourceResult>

/** What a sync does next. Decided anew in each pass from the tasks, the results so far and the live objects. */
export type SyncStep =
  /** Run these tasks (all of one phase and wave); `last` when nothing but their outcome decides the sync. */
  | { readonly step: 'run'; readonly tasks: readonly SyncTask[]; readonly last: boolean; readonly waitingFor: string }
  | { readonly step: 'wait'; readonly message: string }
  | { readonly step: 'done'; readonly phase: OperationPhase; readonly message: string; readonly deleteHooks: readonly SyncTask[] }

export interface AdvanceOptions {
  health(task: SyncTask): Verdict | undefined
}

/** Brings the results of running tasks up to date with the live objects. */
export function refreshedResults(tasks: readonly SyncTask[], results: Results, { health }: AdvanceOptions): Map<string, ResourceResult> {
  const next = new Map(results)
  for (const task of tasks) {
    const row = next.get(task.id)
    if (row?.hookPhase !== 'Running' || task.live === undefined || isPrune(task)) continue
    if (task.hook !== undefined) {
      const state = hookState(task.live)
      if (state.phase !== row.hookPhase || state.message !== undefined) next.set(task.id, { ...row, hookPhase: state.phase, ...(state.message === undefined ? {} : { message: state.message }) })
      continue
    }
    const verdict = health(task)
    if (verdict === undefined || verdict.status === 'Healthy') next.set(task.id, { ...row, hookPhase: 'Succeeded' })
    else if (verdict.status === 'Degraded') next.set(task.id, { ...row, hookPhase: 'Failed', ...(verdict.message === undefined ? {} : { message: verdict.message }) })
  }
  return next
}

const isPending = (row: ResourceResult | undefined): boolean => row === undefined || row.hookPhase === undefined
const isRunning = (row: ResourceResult | undefined): boolean => row?.hookPhase === 'Running'
const isFailed = (row: ResourceResult | undefined): boolean => row?.hookPhase === 'Failed' || row?.hookPhase === 'Error'

export function advance(all: readonly SyncTask[], results: Results): SyncStep {
  const failTasks = all.filter((one) => one.phase === 'SyncFail')
  const tasks = all.filter((one) => one.phase !== 'SyncFail')
  const of = (one: SyncTask): ResourceResult | undefined => results.get(one.id)
  const multiStep = new Set(tasks.map((one) => `${one.phase}/${one.wave}`)).size > 1

  const running = tasks.filter((one) => (multiStep || one.hook !== undefined) && isRunning(of(one)))
  if (running.length > 0) return { step: 'wait', message: waitMessage(running) }
  const leaving = tasks.filter((one) => isPrune(one) && of(one)?.status === 'Pruned' && one.live !== undefined && multiStep && tasks.some((other) => isPending(of(other))))
  if (leaving.length > 0) return { step: 'wait', message: `waiting for deletion of ${names(leaving)}` }

  const failed = tasks.filter((one) => isFailed(of(one)))
  if (failed.length > 0) return afterFailure(all, failTasks, results)
  const pending = tasks.filter((one) => isPending(of(one)))
  const first = pending[0]
  if (first === undefined) return { step: 'done', phase: 'Succeeded', message: 'successfully synced (all tasks run)', deleteHooks: hooksToDelete(all, results, 'HookSucceeded') }
  const now = pending.filter((one) => one.phase === first.phase && one.wave === first.wave)
  const last = pending.length === now.length && now.every((one) => one.hook === undefined)
  return { step: 'run', tasks: now, last, waitingFor: waitMessage(now) }
}

function afterFailure(all: readonly SyncTask[], failTasks: readonly SyncTask[], results: Results): SyncStep {
  const pending = failTasks.filter((one) => isPending(results.get(one.id)))
  if (pending.length > 0) return { step: 'run', tasks: pending, last: false, waitingFor: waitMessage(pending) }
  const running = failTasks.filter((one) => isRunning(results.get(one.id)))
  if (running.length > 0) return { step: 'wait', message: waitMessage(running) }
  const refused = all.some((one) => results.get(one.id)?.status === 'SyncFailed')
  const reasons = [...new Set(all.map((one) => results.get(one.id)).filter((row) => row?.status === 'SyncFailed').map((row) => row?.message ?? ''))].filter((text) => text !== '')
  const message = refused ? `one or more objects failed to apply${reasons.length === 0 ? '' : `, reason: ${reasons.join(',')}`}` : 'one or more synchronization tasks completed unsuccessfully'
  return { step: 'done', phase: 'Failed', message, deleteHooks: hooksToDelete(all, results, 'HookFailed') }
}

/** Hooks that are over and whose policy says to remove them now. */
function hooksToDelete(tasks: readonly SyncTask[], results: Results, policy: 'HookSucceeded' | 'HookFailed'): SyncTask[] {
  return tasks.filter((one) => {
    if (one.hook === undefined || one.live === undefined) return false
    const phase = results.get(one.id)?.hookPhase
    const policies = hookDeletePolicies(one.object)
    return (phase === 'Succeeded' && policies.has('HookSucceeded')) || (policy === 'HookFailed' && isFailed(results.get(one.id)) && policies.has('HookFailed'))
  })
}

function waitMessage(tasks: readonly SyncTask[]): string {
  const hooks = tasks.filter((one) => one.hook !== undefined)
  return hooks.length > 0 ? `waiting for completion of hook ${names(hooks)}` : `waiting for healthy state of ${names(tasks)}`
}

function names(tasks: readonly SyncTask[]): string {
  const [first] = tasks
  if (first === undefined) return ''
  const row = resultFor(first, {})
  const name = `${row.group === '' ? '' : `${row.group}/`}${row.kind}/${row.name}`
  return tasks.length === 1 ? name : `${name} and ${tasks.length - 1} more ${first.hook === undefined ? 'resources' : 'hooks'}`
}

/** Results as the status keeps them. */
export function resultRows(results: Results): ResourceResult[] {
  return [...results.values()]
}

export function resultMap(rows: readonly ResourceResult[] | undefined): Map<string, ResourceResult> {
  return new Map((rows ?? []).map((row) => [resultId(row), row]))
}
