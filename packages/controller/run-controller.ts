import { isApiError, apiVersionOf } from '@idp/api'
import { deepEqual, type AnyObject, type KubeObject } from '@idp/formats'
import { messageOf } from '@idp/kit'
import { Stalled, Waiting, type Controller, type Key, type Outcome, type Problem, type Scope } from './controller.ts'
import type { Informers } from './informers.ts'
import { controllerOf } from './owner-reference.ts'
import { createWorkQueue, type WorkQueue } from './work-queue.ts'

/** Runs one controller from now until the scope's signal: feeds its queue from the informers and works it off. */
export function runController<T extends KubeObject>(controller: Controller<T>, informers: Informers, scope: Scope): WorkQueue {
  const cache = informers.of(controller.for).cache
  const queue = createWorkQueue({
    clock: scope.clock,
    concurrency: controller.concurrency ?? 1,
    async work(text) {
      const key = parseKey(text)
      const object = cache.get(key.name, key.namespace)
      try {
        if (object === undefined) {
          await controller.gone?.(key, scope)
          queue.forget(text)
          return
        }
        const outcome = await pass(controller, object, scope)
        if (outcome?.failed !== undefined) {
          scope.log.debug('pass did not get all done; trying again', { object: text, error: messageOf(outcome.failed) })
          queue.addRateLimited(text)
        } else queue.forget(text)
        if (outcome?.requeueAfter !== undefined) queue.addAfter(text, outcome.requeueAfter)
      } catch (error) {
        if (!scope.signal.aborted) await retry(controller, object, text, error, queue, scope)
      }
    },
  })
  scope.signal.addEventListener('abort', () => queue.stop(), { once: true })
  feed(controller, informers, scope, queue)
  return queue
}

function feed<T extends KubeObject>(controller: Controller<T>, informers: Informers, scope: Scope, queue: WorkQueue): void {
  informers.of(controller.for).onChange(({ before, after }) => {
    const object = after ?? before
    if (object === undefined || (after !== undefined && controller.concerns?.(before, after) === false)) return
    queue.add(textOf(object.metadata))
  })
  for (const kind of controller.owns ?? []) {
    informers.of(kind).onChange(({ before, after }) => {
      const owners = new Set([before, after].map((object) => ownerKey(controller, object)))
      for (const owner of owners) if (owner !== undefined) queue.add(owner)
    })
  }
  for (const { kind, map } of controller.watches ?? []) {
    informers.of<never>(kind).onChange((change) => {
      const keys = new Set<string>()
      for (const object of [change.before, change.after]) if (object !== undefined) for (const key of map(object, scope, change)) keys.add(textOf(key))
      for (const key of keys) queue.add(key)
    })
  }
}

/** One pass over one object: finalizer, reconcile, status. */
async function pass<T extends KubeObject>(controller: Controller<T>, object: T, scope: Scope): Promise<Outcome | void> {
  const { finalizer } = controller
  const held = finalizer !== undefined && (object.metadata.finalizers ?? []).includes(finalizer)
  if (finalizer !== undefined && object.metadata.deletionTimestamp !== undefined) {
    if (!held) return
    const outcome = await controller.finalize?.(object, scope) ?? { done: true }
    if (outcome.done === true) await setFinalizers(controller, outcome.object ?? object, (all) => all.filter((f) => f !== finalizer), scope)
    else await writeStatus(controller, object, outcome, scope)
    return outcome
  }
  const current = finalizer === undefined || held ? object : await setFinalizers(controller, object, (all) => [...all, finalizer], scope)
  const outcome = await controller.reconcile(current, scope)
  if (outcome) await writeStatus(controller, current, outcome, scope)
  return outcome
}

async function setFinalizers<T extends KubeObject>(controller: Controller<T>, object: T | KubeObject, change: (all: string[]) => string[], { client }: Scope): Promise<T> {
  const { name = '', namespace, resourceVersion = '' } = object.metadata
  const finalizers = change(object.metadata.finalizers ?? [])
  const patch = { metadata: { resourceVersion, finalizers: finalizers.length === 0 ? null : finalizers } }
  return client.patch(controller.for, name, patch, { namespace, type: 'merge' })
}

async function writeStatus<T extends KubeObject>(controller: Controller<T>, seen: T, outcome: Outcome, { client }: Scope): Promise<void> {
  if (outcome.status === undefined) return
  if (deepEqual((seen as unknown as AnyObject)['status'], outcome.status)) return
  const object = (outcome.object ?? seen) as unknown as AnyObject
  const next = { ...object, apiVersion: apiVersionOf(controller.for), kind: controller.for.kind, status: outcome.status }
  await client.update(controller.for, next as unknown as T, { subresource: 'status' })
}

async function retry<T extends KubeObject>(controller: Controller<T>, object: T | undefined, key: string, error: unknown, queue: WorkQueue, scope: Scope): Promise<void> {
  const problem: Problem = { kind: error instanceof Waiting ? 'Waiting' : error instanceof Stalled ? 'Stalled' : 'Failed', message: messageOf(error), error }
  // Somebody else wrote first (or the object went): the cache is about to bring the news, and the pass then starts from them.
  const overtaken = isApiError(error, 'Conflict', 'NotFound')
  if (problem.kind === 'Failed' && !overtaken) scope.log.warn('pass failed; trying again', { object: key, error: problem.message, failures: queue.failures(key) + 1 })
  try {
    const status = object === undefined || overtaken ? undefined : controller.explain?.(object, problem, scope)
    if (object !== undefined && status !== undefined) await writeStatus(controller, object, { status }, scope)
  } catch (writeError) {
    scope.log.warn('cannot write the status that explains a problem', { object: key, error: messageOf(writeError) })
    queue.addRateLimited(key)
    return
  }
  if (error instanceof Waiting) queue.addAfter(key, error.ms)
  else if (!(error instanceof Stalled)) queue.addRateLimited(key)
}

function ownerKey<T extends KubeObject>(controller: Controller<T>, object: KubeObject | undefined): string | undefined {
  const owner = object === undefined ? undefined : controllerOf(object)
  if (object === undefined || owner?.kind !== controller.for.kind || owner.apiVersion.split('/')[0] !== apiVersionOf(controller.for).split('/')[0]) return undefined
  return textOf({ name: owner.name, namespace: controller.for.scope === 'Namespaced' ? object.metadata.namespace : undefined })
}

/** `namespace/name`, or `/name` for what has no namespace; neither part can contain a slash. */
function textOf({ namespace, name = '' }: { readonly namespace?: string | undefined; readonly name?: string }): string {
  return `${namespace ?? ''}/${name}`
}

function parseKey(text: string): Key {
  const slash = text.indexOf('/')
  return { namespace: text.slice(0, slash) || undefined, name: text.slice(slash + 1) }
}
