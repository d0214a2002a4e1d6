import { deepEqual } from '@idp/formats'
import { backoff, rfc3339 } from '@idp/kit'
import { compileIgnoreRule } from '../engine/compare/ignored-fields.ts'
import { decideAutoSync } from '../engine/auto-sync.ts'
import { mergeConditions } from '../engine/conditions.ts'
import { permitsDestination, permitsKind } from '../engine/project/permits.ts'
import { syncWindowVerdict } from '../engine/project/sync-windows.ts'
import { refreshWish, type RefreshWish } from '../engine/refresh.ts'
import { validateSpec } from '../engine/validate-spec.ts'
import type { AppProject } from '../kinds/app-project.ts'
import { hasMultipleSources, type Application, type ApplicationCondition, type ApplicationStatus, type OperationState, type RevisionHistory } from '../kinds/application.ts'
import { compareApplication, type Comparison } from './compare-application.ts'
import type { ControllerContext, Memory } from './controller-context.ts'
import { loadTargets, TargetError, type LoadedSources } from './load-targets.ts'
import { runOperation } from './run-operation.ts'
import { writeStatus } from './write-status.ts'

const historyLimit = 10
/** How often an Application that waits for a sync window looks at the clock, in milliseconds. */
const windowCheck = 30_000

/** For how long a repo server or a Git server that does not answer is no reason to doubt what is known, in milliseconds; as upstream's repoErrorGracePeriod. */
const unreachableGrace = 180_000
/** How often news of single resources alone are written, in milliseconds: a rollout changes them many times a second. */
const rowsEvery = 1_000

/** What a pass came to. `requeueAfter` in milliseconds. */
export interface PassOutcome { readonly requeueAfter?: number }

/** One look at one Application that is not being deleted: Git, cluster, operation, automated sync, status; one write at the end. */
export async function applicationPass(application: Application, memory: Memory, context: ControllerContext): Promise<PassOutcome> {
  const project = context.project(application)
  const now = (): string => rfc3339(context.clock.now())
  const faults = validateSpec(application, project)
  const wish = refreshWish(application)
  if (project === undefined || faults.length > 0) {
    const status = withConditions(application, faults, now(), { sync: { status: 'Unknown', comparedTo: comparedTo(application) }, health: { status: 'Unknown' } })
    await writeStatus(application, { status, operation: application.operation, wish }, context)
    return {}
  }
  let loaded: LoadedSources
  try {
    loaded = await currentTargets(application, memory, wish, context)
  } catch (error) {
    if (!(error instanceof TargetError)) throw error
    return comparisonFailed(application, error, memory, context)
  }
  memory.failures = 0
  memory.unreachableSince = undefined
  await context.followTargets(memory, loaded.targets, application)
  const compare = (): Promise<Comparison> => compareApplication(application, loaded.targets, context.compareContext(memory))
  let comparison = await compare()
  let state = startedOperation(application, now())
  let { operation } = application
  const waits: number[] = []
  const startedAt = context.clock.now()
  let finished = false

  if (state === undefined) {
    const decision = decideAutoSync(application, { status: comparison.status, rows: comparison.rows, revisions: loaded.targets.revisions, now: context.clock.now(), selfHealTimeout: context.selfHealTimeout, again: memory.kindsCame })
    if (decision.sync !== undefined && !syncWindowVerdict(project, application, context.clock.now(), false).maySync) waits.push(windowCheck)
    else if (decision.sync !== undefined) {
      state = { operation: decision.sync, phase: 'Running', startedAt: now() }
      const revision = loaded.targets.revisions.join(', ')
      context.event(application, 'Normal', 'OperationStarted', `Initiated automated sync to '${revision}'`)
    } else if (decision.sync === undefined) {
      if (decision.condition !== undefined) comparison = { ...comparison, conditions: [...comparison.conditions, decision.condition] }
      if (decision.requeueAfter !== undefined) waits.push(decision.requeueAfter)
    }
  }
  const isRunning = state?.phase === 'Running' || state?.phase === 'Terminating'
  if (state !== undefined && isRunning && isBlocked(application, state, project, context)) {
    state = { ...state, phase: 'Running', message: 'Sync operation blocked by sync window' }
    operation = undefined
    waits.push(windowCheck)
  } else if (state !== undefined && isRunning) {
    const outcome = await runSync(application, { state, loaded, comparison }, memory, project, context)
    state = outcome.state
    operation = undefined
    if (outcome.requeueAfter !== undefined) waits.push(outcome.requeueAfter)
    if (outcome.changed) comparison = await compare()
    finished = state.phase === 'Succeeded'
    reportOperation(application, state, startedAt, context)
  }
  const status = nextStatus(application, { loaded, comparison, state, memory, finished }, now())
  const later = await writeStatus(application, { status, operation, wish, rowsNotBefore: memory.wroteAt + rowsEvery }, context)
  if (later === undefined) memory.wroteAt = context.clock.now()
  else waits.push(later)
  Object.assign(memory, { reconciled: false, kindsCame: false })
  const poll = context.settings().reconcileEvery
  if (poll !== undefined) waits.push(Math.max(0, memory.loadedAt + poll - context.clock.now()))
  return waits.length === 0 ? {} : { requeueAfter: Math.min(...waits) }
}

function isBlocked(application: Application, state: OperationState, project: AppProject, { clock }: ControllerContext): boolean {
  if (state.phase !== 'Running') return false
  return !syncWindowVerdict(project, application, clock.now(), state.operation.initiatedBy?.automated !== true).maySync
}

/** The targets of the Application as of now: from memory when nothing asks for a new look at Git. */
async function currentTargets(application: Application, memory: Memory, wish: RefreshWish | undefined, context: ControllerContext): Promise<LoadedSources> {
  const identity = JSON.stringify([application.spec.source, application.spec.sources, application.spec.destination])
  const poll = context.settings().reconcileEvery
  const now = context.clock.now()
  const due = memory.loaded === undefined || memory.specIdentity !== identity || wish !== undefined || memory.stale || (poll !== undefined && now >= memory.loadedAt + poll)
  if (!due && memory.loaded !== undefined) return memory.loaded
  const freshAfter = wish !== undefined ? wish.pushedAt ?? memory.refreshSeenAt ?? now : memory.loaded === undefined ? undefined : now
  const loaded = await loadTargets({
    application, previous: memory.specIdentity === identity && !memory.stale ? memory.loaded : undefined, noCache: wish?.kind === 'hard',
    ...(freshAfter === undefined ? {} : { freshAfter }),
  }, context.loadContext())
  if (wish?.kind === 'hard') memory.predictions.clear()
  Object.assign(memory, { loaded, specIdentity: identity, loadedAt: now, stale: false, reconciled: true, refreshSeenAt: undefined })
  return loaded
}

async function comparisonFailed(application: Application, error: TargetError, memory: Memory, context: ControllerContext): Promise<PassOutcome> {
  const now = rfc3339(context.clock.now())
  memory.failures++
  if (error.unreachable && refreshWish(application)?.kind !== 'hard' && deepEqual(application.status?.sync?.comparedTo, comparedTo(application))) {
    const since = memory.unreachableSince ??= context.clock.now()
    memory.stale = true
    const past = context.clock.now() - since
    if (past < unreachableGrace) return { requeueAfter: backoff(memory.failures, { initial: 50, max: past < 20_000 ? 500 : 5_000 }) }
  }
  memory.loadedAt = context.clock.now()
  memory.refreshSeenAt = undefined
  const seen = application.status?.health?.status
  const state = startedOperation(application, now)
  const failed: OperationState | undefined = state?.phase === 'Running' && state !== application.status?.operationState
    ? { ...state, phase: 'Error', message: error.message, finishedAt: now } : state
  const status = withConditions(application, [{ type: 'ComparisonError', message: error.message }], now, {
    sync: { ...application.status?.sync, status: 'Unknown', comparedTo: comparedTo(application) }, health: healthWith(application, seen === undefined ? 'Unknown' : seen, now), reconciledAt: now,
    ...(failed === undefined ? {} : { operationState: failed }),
  })
  await writeStatus(application, { status, operation: failed === undefined ? application.operation : undefined, wish: refreshWish(application) }, context)
  memory.stale = true
  return { requeueAfter: Math.min(30_000, 1_000 * 2 ** (memory.failures - 1)) }
}

/** The operation that is going on, or that a user has just asked for. */
function startedOperation({ operation, status }: Application, now: string): OperationState | undefined {
  const running = status?.operationState
  if (running?.phase === 'Running' || running?.phase === 'Terminating') return running
  return operation === undefined ? undefined : { operation, phase: 'Running', startedAt: now }
}

interface SyncFacts { readonly state: OperationState; readonly loaded: LoadedSources; readonly comparison: Comparison }

async function runSync(application: Application, { state, loaded, comparison }: SyncFacts, memory: Memory, project: AppProject, context: ControllerContext) {
  const asked = state.operation.sync
  const revisions = asked?.revisions ?? (asked?.revision === undefined || asked.revision === '' ? undefined : [asked.revision])
  const isOther = asked?.source !== undefined || asked?.sources !== undefined || (revisions !== undefined && !deepEqual([...revisions], [...loaded.targets.revisions]))
  let targets = loaded.targets
  let compared = comparison
  if (isOther) {
    try {
      const sources = asked?.sources ?? (asked?.source === undefined ? undefined : [asked.source])
      targets = (await loadTargets({ application, ...(revisions === undefined ? {} : { revisions }), ...(sources === undefined ? {} : { sources }) }, context.loadContext())).targets
    } catch (error) {
      if (!(error instanceof TargetError)) throw error
      return { state: { ...state, phase: 'Error' as const, message: error.message, finishedAt: rfc3339(context.clock.now()) }, changed: false }
    }
    await context.followTargets(memory, targets, application)
    compared = await compareApplication(application, targets, context.compareContext({ ...memory, predictions: new Map() }))
  }
  const settings = context.settings()
  return runOperation({ application, state, targets, comparison: compared }, {
    ...context.taskContext(), retryNow: memory.kindsCame, rules: [...settings.ignoreRules, ...(application.spec.ignoreDifferences ?? []).map((one) => compileIgnoreRule(one))],
    forbidden(object, kind) {
      if (!permitsKind(project, { group: kind.group, kind: kind.kind, namespaced: kind.scope === 'Namespaced' })) return `resource ${kind.group}:${kind.kind} is not permitted in project ${project.metadata.name ?? ''}.`
      const { namespace } = object.metadata
      if (namespace === undefined || permitsDestination(project, { ...application.spec.destination, namespace })) return undefined
      return `namespace ${namespace} is not permitted in project '${project.metadata.name ?? ''}'`
    },
    ownerOf: (live) => context.ownerOf(live, application),
    save: async (saved) => void (await writeStatus(application, { status: { ...application.status, operationState: saved }, operation: undefined, wish: undefined }, context)),
  })
}

interface StatusFacts { readonly loaded: LoadedSources; readonly comparison: Comparison; readonly state: OperationState | undefined; readonly memory: Memory; /** A sync succeeded in this pass. */ readonly finished: boolean }

function nextStatus(application: Application, { loaded, comparison, state, memory, finished }: StatusFacts, now: string): ApplicationStatus {
  const { targets } = loaded
  const multiple = hasMultipleSources(application.spec)
  const before = application.status
  const sync = { status: comparison.status, ...(multiple ? { revisions: [...targets.revisions] } : { revision: targets.revisions[0] ?? '' }), comparedTo: comparedTo(application) }
  return withConditions(application, [...targets.warnings, ...comparison.conditions], now, {
    sync,
    health: healthWith(application, comparison.health, now),
    resources: [...comparison.rows],
    summary: comparison.images.length === 0 ? {} : { images: [...comparison.images] },
    ...(multiple ? { sourceTypes: [...targets.sourceTypes] } : { sourceType: targets.sourceTypes[0] ?? 'Directory' }),
    controllerNamespace: application.metadata.namespace ?? '',
    reconciledAt: memory.reconciled || before?.reconciledAt === undefined ? now : before.reconciledAt,
    ...(state === undefined ? {} : { operationState: state }),
    ...historyAfter(application, finished ? state : undefined),
  })
}

function comparedTo({ spec }: Application): NonNullable<NonNullable<ApplicationStatus['sync']>['comparedTo']> {
  return {
    ...(hasMultipleSources(spec) && spec.sources !== undefined ? { sources: spec.sources } : spec.source === undefined ? {} : { source: spec.source }), destination: spec.destination,
    ...(spec.ignoreDifferences === undefined ? {} : { ignoreDifferences: spec.ignoreDifferences }),
  }
}

function healthWith({ status }: Application, health: Comparison['health'], now: string): NonNullable<ApplicationStatus['health']> {
  return { status: health, lastTransitionTime: status?.health?.status === health ? status.health.lastTransitionTime ?? now : now }
}

/** A successful sync that was not a partial one is a row of the history. */
function historyAfter({ status, spec }: Application, state: OperationState | undefined /* that succeeded just now */): { history?: RevisionHistory[] } {
  const old = status?.history
  const sync = state?.operation.sync
  if (state === undefined || sync?.dryRun === true || (sync?.resources ?? []).length > 0) return old === undefined ? {} : { history: old }
  const { revision = '', revisions, source, sources } = state.syncResult ?? {}
  const row: RevisionHistory = {
    id: (old?.at(-1)?.id ?? -1) + 1, ...(revisions === undefined ? { revision } : { revisions }), deployedAt: state.finishedAt ?? state.startedAt, deployStartedAt: state.startedAt,
    ...(source === undefined ? {} : { source }), ...(sources === undefined ? {} : { sources }), initiatedBy: state.operation.initiatedBy ?? {},
  }
  return { history: [...(old ?? []), row].slice(-(spec.revisionHistoryLimit ?? historyLimit)) }
}

function withConditions({ status }: Application, conditions: readonly ApplicationCondition[], now: string, next: ApplicationStatus): ApplicationStatus {
  const { conditions: _old, ...rest } = status ?? {}
  const merged = mergeConditions(status?.conditions, conditions, now)
  return { ...rest, ...next, ...(merged.length === 0 ? {} : { conditions: merged }) }
}

function reportOperation(application: Application, state: OperationState, startedAt: number, context: ControllerContext): void {
  if (state.phase === 'Running' || state.phase === 'Terminating') return
  context.metrics.synced(application, state.phase, (context.clock.now() - startedAt) / 1_000)
  if (state.phase === 'Succeeded') context.event(application, 'Normal', 'OperationCompleted', `Sync operation to ${state.syncResult?.revision ?? ''} succeeded`)
  else context.event(application, 'Warning', 'OperationCompleted', `Sync operation to ${state.syncResult?.revision ?? ''} failed: ${state.message ?? ''}`)
}
