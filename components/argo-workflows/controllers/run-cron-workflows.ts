import { isApiError } from '@idp/api'
import type { Client } from '@idp/client'
import { informer, type Informer } from '@idp/controller'
import { messageOf, rfc3339, type Clock, type Log } from '@idp/kit'
import { jsonOf } from '../engine/operation.ts'
import { isOver } from '../engine/operate.ts'
import { labels } from '../engine/pod-object.ts'
import { nextRun } from '../engine/schedule.ts'
import { CronWorkflowKind, WorkflowKind, type CronWorkflow, type Workflow } from '../kinds/workflow.ts'

export interface CronLoopOptions { readonly client: Client; readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal; readonly workflows: Informer<Workflow> }

/** Makes Workflows at the times of CronWorkflows, and keeps as many finished ones as they say. */
export function runCronWorkflows({ client, clock, log, signal, workflows }: CronLoopOptions): { readonly synced: Promise<void> } {
  const crons = informer(client, CronWorkflowKind, { signal, clock, log })
  const timers = new Map<string, Disposable>()
  /** The last time that a run was due here: news of the status may come late. */
  const ran = new Map<string, number>()
  const keyOf = ({ metadata }: Pick<CronWorkflow, 'metadata'>): string => `${metadata.namespace ?? ''}/${metadata.name ?? ''}`
  const ownOf = ({ metadata }: CronWorkflow): Workflow[] => workflows.cache.list({ namespace: metadata.namespace ?? '', labels: { [labels.cron]: metadata.name ?? '' } }).filter((one) => one.metadata.deletionTimestamp === undefined)
  const status = async ({ metadata }: CronWorkflow, patch: CronWorkflow['status']): Promise<void> => {
    await client.patch(CronWorkflowKind, metadata.name ?? '', jsonOf({ status: patch }), { namespace: metadata.namespace, type: 'merge', fieldManager: 'workflow-controller' }).catch((error: unknown) => { if (!isApiError(error, 'NotFound')) throw error })
  }
  const guarded = (what: Promise<void>): void => void what.catch((error: unknown) => { if (!signal.aborted) log.warn('a CronWorkflow could not be worked on', { error: messageOf(error) }) })

  function plan(cron: CronWorkflow): void {
    const key = keyOf(cron)
    timers.get(key)?.[Symbol.dispose]()
    timers.delete(key)
    if (signal.aborted || cron.spec.suspend === true) return
    const last = Math.max(Date.parse(cron.status?.lastScheduledTime ?? cron.metadata.creationTimestamp ?? '') || 0, ran.get(key) ?? 0)
    try {
      const grace = (cron.spec.startingDeadlineSeconds ?? 0) * 1000
      // What was missed while nobody looked runs only within the deadline, as upstream has it.
      const next = nextRun(cron.spec, Math.max(last, clock.now() - grace))
      if (next !== undefined) timers.set(key, clock.timer(Math.max(0, next - clock.now()), () => guarded(run(key, next))))
    } catch (error) {
      guarded(status(cron, { conditions: [{ type: 'SpecError', status: 'True', message: messageOf(error) }] }))
    }
  }
  async function run(key: string, due: number): Promise<void> {
    const [namespace = '', name = ''] = key.split('/')
    const cron = crons.cache.get(name, namespace)
    if (cron === undefined || signal.aborted) return
    ran.set(key, due)
    const active = ownOf(cron).filter((one) => !isOver(one))
    const policy = cron.spec.concurrencyPolicy ?? 'Allow'
    if (policy !== 'Forbid' || active.length === 0) {
      if (policy === 'Replace') for (const one of active) await client.patch(WorkflowKind, one.metadata.name ?? '', { spec: { shutdown: 'Terminate' } }, { namespace, type: 'merge' })
      const made = await client.create(WorkflowKind, workflowOf(cron, due), { fieldManager: 'workflow-controller' }).catch((error: unknown) => { if (isApiError(error, 'AlreadyExists')) return undefined; throw error })
      if (made !== undefined) await status(cron, { lastScheduledTime: rfc3339(due), active: [...policy === 'Replace' ? [] : active, made].map(({ metadata }) => ({ apiVersion: 'argoproj.io/v1alpha1', kind: 'Workflow', name: metadata.name ?? '', namespace, uid: metadata.uid ?? '' })) })
    }
    const now = crons.cache.get(name, namespace)
    if (now !== undefined) plan(now)
  }
  /** A run has ended: it is no longer active, and the oldest ones go. */
  async function tidy(cron: CronWorkflow): Promise<void> {
    const own = ownOf(cron)
    const active = (cron.status?.active ?? []).filter(({ name }) => own.some((one) => one.metadata.name === name && !isOver(one)))
    if (active.length !== (cron.status?.active ?? []).length) await status(cron, { active })
    const keep = async (good: boolean, limit: number): Promise<void> => {
      const ended = own.filter((one) => isOver(one) && (one.status?.phase === 'Succeeded') === good).sort((a, b) => (a.status?.finishedAt ?? '') < (b.status?.finishedAt ?? '') ? 1 : -1)
      for (const one of ended.slice(limit)) await client.delete(WorkflowKind, one.metadata.name ?? '', { namespace: one.metadata.namespace, propagationPolicy: 'Background' }).catch((error: unknown) => { if (!isApiError(error, 'NotFound')) throw error })
    }
    await keep(true, cron.spec.successfulJobsHistoryLimit ?? 3)
    await keep(false, cron.spec.failedJobsHistoryLimit ?? 1)
  }

  crons.onChange(({ before, after }) => {
    if (after !== undefined) return plan(after)
    if (before === undefined) return
    timers.get(keyOf(before))?.[Symbol.dispose]()
    timers.delete(keyOf(before))
    ran.delete(keyOf(before))
  })
  workflows.onChange(({ after }) => {
    const owner = after?.metadata.labels?.[labels.cron]
    const cron = owner === undefined || after === undefined || !isOver(after) ? undefined : crons.cache.get(owner, after.metadata.namespace)
    if (cron !== undefined) guarded(tidy(cron))
  })
  return { synced: crons.synced }
}

/** The Workflow of one run. */
export function workflowOf({ metadata, spec }: CronWorkflow, due: number): Workflow {
  const name = metadata.name ?? ''
  return {
    apiVersion: 'argoproj.io/v1alpha1', kind: 'Workflow', spec: spec.workflowSpec,
    metadata: {
      name: `${name}-${Math.floor(due / 1000)}`, namespace: metadata.namespace ?? '', labels: { ...spec.workflowMetadata?.labels, [labels.cron]: name },
      annotations: { ...spec.workflowMetadata?.annotations, 'workflows.argoproj.io/scheduled-time': rfc3339(due) },
      ownerReferences: [{ apiVersion: 'argoproj.io/v1alpha1', kind: 'CronWorkflow', name, uid: metadata.uid ?? '', controller: true, blockOwnerDeletion: true }],
    },
  }
}

