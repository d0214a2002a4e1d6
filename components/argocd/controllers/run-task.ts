import { isApiError, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import type { AnyObject } from '@idp/formats'
import { messageOf, rfc3339, sleep, type Clock } from '@idp/kit'
import { respectingLive, type IgnoreRule } from '../engine/compare/ignored-fields.ts'
import { objectKey } from '../engine/object-key.ts'
import { hookDeletePolicies, syncOptionsOf } from '../engine/sync/annotations.ts'
import { isPrune, resultFor, type SyncTask } from '../engine/sync/tasks.ts'
import type { ResourceResult } from '../kinds/application.ts'
import { originOf } from '../repo/origin.ts'
import { syncManager } from './compare-application.ts'
import type { LiveCluster } from './live-cluster.ts'

export interface TaskContext {
  readonly client: Client
  readonly live: LiveCluster
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly application: string
  /** Options of the Application and of the operation. */
  readonly options: ReadonlySet<string>
  readonly prune: boolean
  readonly force: boolean
  readonly dryRun: boolean
  readonly rules: readonly IgnoreRule[]
  kindOf(apiVersion: string, kind: string): Promise<Kind<AnyObject> | undefined>
  /** Why the project forbids this object; undefined when it does not. */
  forbidden(object: AnyObject, kind: Kind<AnyObject>): string | undefined
  /** Another application that the live object is tracked by. */
  ownerOf(live: AnyObject): string | undefined
}

/** Where client-side apply keeps the last configuration; it has a limit that big CRDs exceed. */
const lastAppliedLimit = 262_144

/** Does one task and says how it went; never throws for what concerns the object. */
export async function runTask(task: SyncTask, context: TaskContext): Promise<ResourceResult> {
  try {
    return withOrigin(await (isPrune(task) ? prune(task, context) : apply(task, context)), task)
  } catch (error) {
    if (context.signal.aborted) throw error
    return withOrigin(resultFor(task, { status: 'SyncFailed', hookPhase: 'Failed', message: messageOf(error) }), task)
  }
}

/** A refusal names the file that the object comes from. */
function withOrigin(row: ResourceResult, { target }: SyncTask): ResourceResult {
  const origin = target === undefined ? undefined : originOf(target)
  return row.status !== 'SyncFailed' || origin === undefined ? row : { ...row, message: `${row.message ?? ''} (${origin})` }
}

/**
 * Says what stands against a task before anything is applied; undefined when nothing does. The server is not asked: upstream's
 * look before a sync is a dry run of the client, since a namespace or a webhook may be made by an earlier step of this very sync.
 */
export async function validateTask(task: SyncTask, context: TaskContext): Promise<ResourceResult | undefined> {
  if (isPrune(task) || task.target === undefined) return undefined
  const { target } = task
  const kind = await context.kindOf(target.apiVersion, target.kind)
  const why = kind === undefined ? undefined : context.forbidden(target, kind)
  return why === undefined ? undefined : withOrigin(resultFor(task, { status: 'SyncFailed', hookPhase: 'Failed', message: why }), task)
}

const has = (task: SyncTask, { options }: TaskContext, option: string): boolean => {
  const [name = ''] = option.split('=')
  const own = syncOptionsOf(task.object)
  // The object's own word counts before the application's.
  const said = [...own].find((one) => one.startsWith(`${name}=`))
  return said === undefined ? options.has(option) : said === option
}

function validation(task: SyncTask, context: TaskContext): 'Strict' | 'Ignore' {
  return has(task, context, 'Validate=false') ? 'Ignore' : 'Strict'
}

async function prune(task: SyncTask, context: TaskContext): Promise<ResourceResult> {
  const live = task.object
  const skip = (message: string): ResourceResult => resultFor(task, { status: 'PruneSkipped', hookPhase: 'Succeeded', message })
  if (!context.prune) return skip('ignored (requires pruning)')
  const own = syncOptionsOf(live)
  if (own.has('Prune=false')) return skip('ignored (no prune)')
  if (own.has('Prune=confirm')) return skip('ignored (requires deletion confirmation)')
  const done = resultFor(task, { status: 'Pruned', hookPhase: 'Succeeded', message: context.dryRun ? 'pruned (dry run)' : 'pruned' })
  const kind = await context.kindOf(live.apiVersion, live.kind)
  if (kind === undefined || context.dryRun) return done
  const policy = [...own, ...context.options].find((one) => one.startsWith('PrunePropagationPolicy='))?.slice('PrunePropagationPolicy='.length)
  await remove(kind, live, context, policy === 'background' ? 'Background' : policy === 'orphan' ? 'Orphan' : 'Foreground')
  return done
}

async function remove(kind: Kind<AnyObject>, live: AnyObject, { client, live: cluster, clock }: TaskContext, propagationPolicy: 'Foreground' | 'Background' | 'Orphan'): Promise<void> {
  const { name = '', namespace, uid } = live.metadata
  try {
    await client.delete(kind, name, { ...(namespace === undefined ? {} : { namespace }), propagationPolicy, ...(uid === undefined ? {} : { preconditions: { uid } }) })
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error
  }
  cluster.observeDeletion(kind, live, rfc3339(clock.now()))
}

async function apply(task: SyncTask, context: TaskContext): Promise<ResourceResult> {
  const { target, live } = task
  if (target === undefined) throw new Error('a task without target is pruned, not applied')
  const kind = await servedKind(task, context)
  if (typeof kind === 'string') return resultFor(task, { status: 'SyncFailed', hookPhase: 'Failed', message: kind })
  const why = context.forbidden(target, kind)
  if (why !== undefined) return resultFor(task, { status: 'SyncFailed', hookPhase: 'Failed', message: why })
  const owner = live === undefined ? undefined : context.ownerOf(live)
  if (owner !== undefined && has(task, context, 'FailOnSharedResource=true')) {
    return resultFor(task, { status: 'SyncFailed', hookPhase: 'Failed', message: `Shared resource found: ${target.kind}/${target.metadata.name ?? ''} is part of application ${owner}` })
  }
  if (task.hook !== undefined && live !== undefined && hookDeletePolicies(target).has('BeforeHookCreation')) {
    await remove(kind, live, context, 'Background')
    await untilGone(kind, live, context)
  }
  const sent = live !== undefined && context.options.has('RespectIgnoreDifferences=true') ? respectingLive(target, live, context.rules) : target
  const written = await write(kind, sent, task, context)
  if (!context.dryRun) context.live.observe(kind, written.object)
  const name = `${kind.group === '' ? kind.singular : `${kind.singular}.${kind.group}`}/${target.metadata.name ?? ''}`
  return resultFor(task, { status: 'Synced', hookPhase: context.dryRun ? 'Succeeded' : 'Running', message: `${name} ${written.verb}${context.dryRun ? ' (dry run)' : ''}` })
}

interface Written { readonly object: AnyObject; readonly verb: string }

async function write(kind: Kind<AnyObject>, target: AnyObject, task: SyncTask, context: TaskContext): Promise<Written> {
  const { client, dryRun } = context
  const { live } = task
  const options = { fieldManager: syncManager, dryRun, fieldValidation: validation(task, context) } as const
  const serverSide = has(task, context, 'ServerSideApply=true')
  if (has(task, context, 'Replace=true')) {
    if (live === undefined) return { object: await client.create(kind, target, options), verb: 'created' }
    const { resourceVersion } = live.metadata
    if ((context.force || has(task, context, 'Force=true')) && !dryRun) return recreate(kind, target, live, context)
    return { object: await client.update(kind, { ...target, metadata: { ...target.metadata, ...(resourceVersion === undefined ? {} : { resourceVersion }) } }, options), verb: 'replaced' }
  }
  if (!serverSide && JSON.stringify(target).length > lastAppliedLimit) {
    throw new Error(`${kind.kind}.${kind.group} "${target.metadata.name ?? ''}" is invalid: metadata.annotations: Too long: may not be more than ${lastAppliedLimit} bytes. Set the sync option ServerSideApply=true`)
  }
  try {
    const object = await client.apply(kind, target, { ...options, force: true })
    if (serverSide) return { object, verb: 'serverside-applied' }
    return { object, verb: live === undefined ? 'created' : live.metadata.resourceVersion === object.metadata.resourceVersion ? 'unchanged' : 'configured' }
  } catch (error) {
    const forced = context.force || has(task, context, 'Force=true')
    if (!forced || live === undefined || dryRun || !isApiError(error, 'Invalid', 'Conflict')) throw error
    return recreate(kind, target, live, context)
  }
}

async function recreate(kind: Kind<AnyObject>, target: AnyObject, live: AnyObject, context: TaskContext): Promise<Written> {
  await remove(kind, live, context, 'Background')
  await untilGone(kind, live, context)
  return { object: await context.client.apply(kind, target, { fieldManager: syncManager, force: true }), verb: 'created' }
}

async function untilGone(kind: Kind<AnyObject>, live: AnyObject, { client, clock, signal }: TaskContext): Promise<void> {
  const { name = '', namespace, uid } = live.metadata
  for (let tries = 0; tries < 600; tries++) {
    const now = await client.get(kind, name, { namespace }).catch((error: unknown) => {
      if (isApiError(error, 'NotFound')) return undefined
      throw error
    })
    if (now === undefined || now.metadata.uid !== uid) return
    await sleep(clock, 100, signal)
  }
  throw new Error(`${kind.kind}/${name} is still being deleted after 60 s`)
}

/** The kind of a task's target. A CRD applied a moment ago takes a little until it is served. */
async function servedKind(task: SyncTask, context: TaskContext): Promise<Kind<AnyObject> | string> {
  const { apiVersion, kind: name, metadata } = task.object
  const attempts = has(task, context, 'SkipDryRunOnMissingResource=true') || context.options.has(`brings:${apiVersion}/${name}`) ? 40 : 1
  for (let tries = 0; tries < attempts; tries++) {
    const kind = await context.kindOf(apiVersion, name)
    if (kind !== undefined) return kind
    if (tries + 1 < attempts) await sleep(context.clock, 50, context.signal)
  }
  const { group } = objectKey(task.object)
  return `The Kubernetes API could not find ${group === '' ? apiVersion : group}/${name} for requested resource ${metadata.namespace ?? ''}/${metadata.name ?? ''}. Make sure the "${name}" CRD is installed on the destination cluster.`
}
