import { deepEqual } from '@idp/formats'
import { hasMultipleSources, sourcesOf, type Application, type ApplicationCondition, type Operation, type ResourceStatus } from '../kinds/application.ts'

export interface AutoSyncFacts {
  readonly status: 'Synced' | 'OutOfSync' | 'Unknown'
  readonly rows: readonly ResourceStatus[]
  readonly revisions: readonly string[]
  readonly now: number
  /** Milliseconds that must pass after the last sync before drift is healed. */
  readonly selfHealTimeout: number
  /** What stood in the way of the last attempt is gone: the same revision may be tried again. */
  readonly again: boolean
}

export type AutoSyncDecision =
  | { readonly sync: Operation }
  | { readonly sync: undefined; readonly condition?: ApplicationCondition; readonly requeueAfter?: number }

const no: AutoSyncDecision = { sync: undefined }

/** Whether the automated policy starts a sync now. */
export function decideAutoSync(application: Application, { status, rows, revisions, now, selfHealTimeout, again }: AutoSyncFacts): AutoSyncDecision {
  const automated = application.spec.syncPolicy?.automated
  if (automated === undefined || automated === null || automated.enabled === false || status !== 'OutOfSync' || application.operation !== undefined || application.metadata.deletionTimestamp !== undefined) return no
  const state = application.status?.operationState
  if (state?.phase === 'Running' || state?.phase === 'Terminating') return no
  const prune = automated.prune === true
  const wanting = rows.filter((row) => row.status === 'OutOfSync')
  if (!prune && wanting.every((row) => row.requiresPruning === true)) return no
  const multiple = hasMultipleSources(application.spec)
  const sync: NonNullable<Operation['sync']> = {
    ...(multiple ? { revisions: [...revisions] } : { revision: revisions[0] ?? '' }), ...(prune ? { prune } : {}),
    ...(application.spec.syncPolicy?.syncOptions === undefined ? {} : { syncOptions: [...application.spec.syncPolicy.syncOptions] }),
  }
  const operation: Operation = { sync, initiatedBy: { automated: true }, retry: application.spec.syncPolicy?.retry ?? { limit: 5 } }

  if (alreadyAttempted(application, revisions)) {
    if (state?.phase !== 'Succeeded' && again) return { sync: operation }
    if (state?.phase !== 'Succeeded') {
      const named = multiple ? revisions.join(', ') : revisions[0] ?? ''
      return { sync: undefined, condition: { type: 'SyncError', message: `Failed last sync attempt to ${multiple ? `[${named}]` : named}: ${state?.message ?? ''}` } }
    }
    if (automated.selfHeal !== true) return no
    const wait = Date.parse(state.finishedAt ?? state.startedAt) + selfHealTimeout - now
    if (wait > 0) return { sync: undefined, requeueAfter: wait }
    sync.resources = wanting.filter((row) => row.hook !== true).map(({ group, kind, name, namespace }) => ({ ...(group === undefined ? {} : { group }), kind, name, ...(namespace === undefined ? {} : { namespace }) }))
    sync.autoHealAttemptsCount = (state.operation.sync?.autoHealAttemptsCount ?? 0) + 1
  }
  if (prune && automated.allowEmpty !== true && rows.length > 0 && rows.every((row) => row.requiresPruning === true)) {
    return { sync: undefined, condition: { type: 'SyncError', message: `Skipping sync attempt to ${revisions.join(', ')}: auto-sync will wipe out all resources` } }
  }
  return { sync: operation }
}

/** True when the last sync was of this revision of these sources. */
function alreadyAttempted({ spec, status }: Application, revisions: readonly string[]): boolean {
  const result = status?.operationState?.syncResult
  const operation = status?.operationState?.operation.sync
  if (result === undefined || operation === undefined) return false
  const synced = hasMultipleSources(spec) ? result.revisions ?? [] : [result.revision]
  const from = result.sources ?? (result.source === undefined ? [] : [result.source])
  return deepEqual([...synced], [...revisions]) && deepEqual([...from].map(withoutRevision), [...sourcesOf(spec)].map(withoutRevision))
}

function withoutRevision<T extends { targetRevision?: string }>({ targetRevision: _ignored, ...rest }: T): Omit<T, 'targetRevision'> {
  return rest
}
