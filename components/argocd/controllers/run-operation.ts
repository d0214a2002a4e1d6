import { isApiError, Namespace } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { rfc3339 } from '@idp/kit'
import { healthOf } from '../engine/health/health-of.ts'
import { keyText, objectKey } from '../engine/object-key.ts'
import { advance, refreshedResults, resultMap, resultRows } from '../engine/sync/advance.ts'
import { mayRetry, retryDelay } from '../engine/sync/retry.ts'
import { optionSet } from '../engine/sync/annotations.ts'
import { isPrune, planTasks, type SyncTask } from '../engine/sync/tasks.ts'
import type { Application, OperationPhase, OperationState, ResourceResult } from '../kinds/application.ts'
import { syncManager, type Comparison } from './compare-application.ts'
import type { Targets } from './load-targets.ts'
import { runTask, validateTask, type TaskContext } from './run-task.ts'

export interface OperationContext extends Omit<TaskContext, 'options' | 'prune' | 'force' | 'dryRun' | 'application'> {
  /** Do not wait for the next attempt. */
  readonly retryNow: boolean
  /** Writes the state while the operation goes on, so that a restart continues it. */
  save(state: OperationState): Promise<void>
}

export interface OperationPass {
  readonly application: Application
  readonly state: OperationState
  readonly targets: Targets
  readonly comparison: Comparison
}

/** How far a pass brought the operation. `changed`: objects were written, so the comparison is out of date. */
export interface OperationOutcome { readonly state: OperationState; readonly changed: boolean; readonly requeueAfter?: number }

/** Brings a running sync as far as it goes without waiting: until it is over, or something in the cluster must happen first. */
export async function runOperation(pass: OperationPass, context: OperationContext): Promise<OperationOutcome> {
  const { application, targets } = pass
  const now = (): string => rfc3339(context.clock.now())
  const delay = untilRetry(pass.state, context)
  if (delay !== undefined && delay > 0) return { state: pass.state, changed: false, requeueAfter: delay }
  if (pass.state.phase === 'Terminating') return { state: { ...pass.state, phase: 'Failed', message: 'Operation terminated', finishedAt: now() }, changed: false }
  const { finishedAt: _over, ...begun } = pass.state
  const state: OperationState = delay === undefined ? pass.state : { ...begun, syncResult: { ...emptyResult(pass), resources: [] } }
  const operation = state.operation.sync ?? {}
  const options = optionSet([...(application.spec.syncPolicy?.syncOptions ?? []), ...(operation.syncOptions ?? [])])
  const task: TaskContext = {
    ...context, application: application.metadata.name ?? '', options: withDeclaredKinds(options, targets.objects), prune: operation.prune === true, dryRun: operation.dryRun === true,
    force: operation.syncStrategy?.apply?.force === true || operation.syncStrategy?.hook?.force === true,
  }
  const plan = (): SyncTask[] => planTasks(livePairs(pass, context), targets.hooks, {
    operation: state.operation, revision: targets.revisions[0] ?? '', startedAt: state.startedAt, options,
    liveHook: () => undefined,
  }).map((one) => refreshedTask(one, context))

  let tasks = plan()
  let results = resultMap(state.syncResult?.resources)
  let changed = false
  const finish = (phase: OperationPhase, message: string): OperationOutcome => ({
    ...ended({ ...state, syncResult: { ...(state.syncResult ?? emptyResult(pass)), resources: resultRows(results) } }, phase, message, context), changed,
  })
  if (results.size === 0) {
    const bad = await prepare(tasks, task, application)
    if (bad.length > 0) {
      results = resultMap(bad)
      return finish('Failed', `one or more synchronization tasks are not valid${reasonsOf(bad)}`)
    }
  }
  for (;;) {
    tasks = tasks.map((one) => refreshedTask(one, context))
    results = refreshedResults(tasks, results, { health: (one) => (one.live === undefined ? undefined : healthOf(one.live)) })
    const step = advance(tasks, results)
    const saved = { ...state, phase: 'Running' as const, syncResult: { ...(state.syncResult ?? emptyResult(pass)), resources: resultRows(results) } }
    if (step.step === 'wait') return { state: { ...saved, message: step.message }, changed }
    if (step.step === 'done') {
      for (const hook of step.deleteHooks) await deleteHook(hook, task)
      return finish(step.phase, step.message)
    }
    if (!step.last && results.size > 0) await context.save({ ...saved, message: step.waitingFor })
    const rows = await runInOrder(step.tasks, task)
    changed = true
    for (const [id, row] of rows) results.set(id, row)
    if (step.last && [...rows.values()].every((row) => row.status !== 'SyncFailed')) return finish('Succeeded', 'successfully synced (no more tasks)')
  }
}

function emptyResult({ application, targets }: OperationPass): NonNullable<OperationState['syncResult']> {
  const { source, sources } = application.spec
  const multiple = sources !== undefined && sources.length > 0
  return {
    revision: multiple ? '' : targets.revisions[0] ?? '', ...(multiple ? { revisions: [...targets.revisions], sources } : source === undefined ? {} : { source }),
  }
}

/** The comparison's pairs, with the live side as it is now. */
function livePairs({ comparison }: OperationPass, { live }: OperationContext): Comparison['resources'] {
  return comparison.resources.map((one) => (one.target === undefined ? one : { ...one, live: live.get(objectKey(one.target)) }))
}

function refreshedTask(one: SyncTask, { live }: OperationContext): SyncTask {
  return { ...one, live: live.get(objectKey(one.object)) }
}

/** The kinds that CRDs of this very sync will bring count as known. */
function withDeclaredKinds(options: ReadonlySet<string>, objects: readonly AnyObject[]): ReadonlySet<string> {
  const all = new Set(options)
  for (const object of objects) {
    if (object.kind !== 'CustomResourceDefinition') continue
    const spec = object['spec'] as { group?: string; names?: { kind?: string }; versions?: { name?: string }[] } | undefined
    for (const version of spec?.versions ?? []) all.add(`brings:${spec?.group ?? ''}/${version.name ?? ''}/${spec?.names?.kind ?? ''}`)
  }
  return all
}

/** Before anything is applied: the namespace, and a dry run of everything. Gives what stands against the sync. */
async function prepare(tasks: readonly SyncTask[], context: TaskContext, application: Application): Promise<ResourceResult[]> {
  const refused: ResourceResult[] = []
  await inParallel(tasks, 8, async (one) => {
    const bad = await validateTask(one, context)
    if (bad !== undefined) refused.push(bad)
  })
  if (refused.length > 0 || !context.options.has('CreateNamespace=true') || context.dryRun) return refused
  try {
    await ensureNamespace(application, tasks, context)
    return []
  } catch (error) {
    // A policy or a quota may refuse the namespace: that is an outcome of the sync, told like any other.
    if (!isApiError(error)) throw error
    return [{ group: '', version: 'v1', kind: 'Namespace', namespace: '', name: application.spec.destination.namespace ?? '', status: 'SyncFailed', message: error.message, syncPhase: 'PreSync' }]
  }
}

async function ensureNamespace(application: Application, tasks: readonly SyncTask[], { client }: TaskContext): Promise<void> {
  const name = application.spec.destination.namespace
  if (name === undefined || name === '' || tasks.some((one) => one.object.kind === 'Namespace' && one.object.metadata.name === name)) return
  const managed = application.spec.syncPolicy?.managedNamespaceMetadata
  const { labels, annotations } = managed ?? {}
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, ...(labels === undefined ? {} : { labels }), ...(annotations === undefined ? {} : { annotations }) } } as Namespace
  if (managed !== undefined) {
    await client.apply(Namespace, namespace, { fieldManager: syncManager, force: true })
    return
  }
  try {
    await client.create(Namespace, namespace, { fieldManager: syncManager })
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error
  }
}

/** Prunes first, then kind after kind; objects of one kind at the same time. Stops after the kind in which something failed. */
async function runInOrder(tasks: readonly SyncTask[], context: TaskContext): Promise<Map<string, ResourceResult>> {
  const rows = new Map<string, ResourceResult>()
  const groups: SyncTask[][] = []
  for (const one of [...tasks.filter(isPrune), ...tasks.filter((other) => !isPrune(other))]) {
    const group = groups.at(-1)
    if (group?.[0] !== undefined && group[0].object.kind === one.object.kind && isPrune(group[0]) === isPrune(one)) group.push(one)
    else groups.push([one])
  }
  for (const group of groups) {
    await inParallel(group, 8, async (one) => void rows.set(one.id, await runTask(one, context)))
    if ([...rows.values()].some((row) => row.status === 'SyncFailed')) break
  }
  return rows
}

async function inParallel<T>(items: readonly T[], limit: number, run: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items]
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await run(item)
  }))
}

async function deleteHook(hook: SyncTask, { client, kindOf }: TaskContext): Promise<void> {
  const kind = await kindOf(hook.object.apiVersion, hook.object.kind)
  const { name = '', namespace } = hook.object.metadata
  if (kind === undefined) return
  try {
    await client.delete(kind, name, { ...(namespace === undefined ? {} : { namespace }), propagationPolicy: 'Background' })
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error
  }
}

/** Milliseconds until the next attempt; undefined when no retry is pending. */
function untilRetry(state: OperationState, { clock, retryNow }: OperationContext): number | undefined {
  if (state.phase !== 'Running' || state.finishedAt === undefined) return undefined
  if (retryNow) return 0
  return Date.parse(state.finishedAt) + retryDelay(state.operation.retry, state.retryCount ?? 1) - clock.now()
}

/** The end of an attempt: over, or to be tried again. */
function ended(state: OperationState, phase: OperationPhase, message: string, { clock }: OperationContext): Pick<OperationOutcome, 'state' | 'requeueAfter'> {
  const finishedAt = rfc3339(clock.now())
  const attempts = state.retryCount ?? 0
  if (phase === 'Succeeded' || !mayRetry(state.operation.retry, attempts)) {
    const retried = phase !== 'Succeeded' && attempts > 0 ? ` (retried ${attempts} times).` : ''
    return { state: { ...state, phase, message: message + retried, finishedAt } }
  }
  const delay = retryDelay(state.operation.retry, attempts + 1)
  const at = new Date(clock.now() + delay).toISOString().slice(11, 16)
  return { state: { ...state, phase: 'Running', retryCount: attempts + 1, finishedAt, message: `${message}. Retrying attempt #${attempts + 1} at ${at}.` }, requeueAfter: delay }
}

function reasonsOf(rows: readonly ResourceResult[]): string {
  const reasons = [...new Set(rows.map((row) => row.message ?? '').filter((text) => text !== ''))]
  return reasons.length === 0 ? '' : ` (${reasons.join('; ')})`
}

/** Keys that a sync waits for, so that their changes wake the application. */
export function hookKeys(targets: Targets): string[] {
  return targets.hooks.map((one) => keyText(objectKey(one)))
}
