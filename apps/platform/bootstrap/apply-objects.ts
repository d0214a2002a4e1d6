import { isApiError, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import type { KubeObject } from '@idp/formats'
import { CodedError, backoff, messageOf, sleep } from '@idp/kit'
import { waitReady, type WaitReadyOptions } from './wait-ready.ts'

/** The manager that owns what the bootstrap applies and keeps to itself. */
export const fieldManager = 'idp-bootstrap'

/** Argo CD's own manager: what it will keep is applied in its name, so that a field that later goes from Git goes from the cluster. */
const argoManager = 'argocd-controller'

/** How many requests are under way at once. */
const parallel = 16

export interface ApplyObjectsOptions extends WaitReadyOptions {
  /** What Argo CD tracks is left to it: there Git decides, which may have moved on from the folder at hand. Only what is missing is created. */
  readonly leaveTracked: boolean
  /** Called when all that is built in is applied and not yet ready. */
  readonly onApplied?: () => void
}

const trackingAnnotation = 'argocd.argoproj.io/tracking-id'

/** What Argo CD will keep, whether a tracking id says so or not. */
const kept = new WeakSet<KubeObject>()

/** Whose an object is: the Application, and the namespace of its destination. */
export interface Keeper { readonly application: string; readonly namespace: string }

/**
 * A copy that says which Application will keep it, so that Argo CD finds it Synced instead of applying it once more.
 * As Argo CD has it, what has no namespace is named with the destination's, and definitions carry no such id.
 */
export function trackedBy(object: KubeObject, { application, namespace }: Keeper): KubeObject {
  const { apiVersion, kind, metadata } = object
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
  const id = `${application}:${group}/${kind}:${metadata.namespace ?? namespace}/${metadata.name ?? ''}`
  const copy = kind === 'CustomResourceDefinition' ? { ...object } : { ...object, metadata: { ...metadata, annotations: { ...metadata.annotations, [trackingAnnotation]: id } } }
  kept.add(copy)
  return copy
}

/** What is there before anything can use it: definitions, namespaces, priorities. Nothing runs on account of them. */
export function isDefinition({ kind }: KubeObject): boolean {
  return kind === 'Namespace' || kind === 'CustomResourceDefinition' || kind === 'PriorityClass'
}

/**
 * Applies the objects of one step and waits until they are ready, in three waves, each waited for before the next:
 * definitions; everything built in, workloads included; custom resources, whose controllers now run.
 */
export async function applyObjects(client: Client, objects: readonly KubeObject[], options: ApplyObjectsOptions): Promise<void> {
  for (const wave of waves(objects)) {
    const live = await applyAll(client, wave, options)
    if (!wave.every(isDefinition)) options.onApplied?.()
    await waitReady(client, live, options)
  }
}

function waves(objects: readonly KubeObject[]): KubeObject[][] {
  const waveOf = (object: KubeObject): number => {
    const group = object.apiVersion.includes('/') ? object.apiVersion.split('/')[0] ?? '' : ''
    if (isDefinition(object)) return 0
    return group === '' || !group.includes('.') || group.endsWith('.k8s.io') && !group.startsWith('gateway.') ? 1 : 2
  }
  return [0, 1, 2].map((wave) => objects.filter((object) => waveOf(object) === wave)).filter((wave) => wave.length > 0)
}

/** Gives the objects as the server has them now, in the same order. */
async function applyAll(client: Client, objects: readonly KubeObject[], options: ApplyObjectsOptions): Promise<KubeObject[]> {
  const live: KubeObject[] = []
  const queue = [...objects.entries()]
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) live[next[0]] = await applyOne(client, next[1], options)
  }
  await Promise.all(Array.from({ length: Math.min(parallel, queue.length) }, work))
  return live
}

/** Refusals that pass by themselves: a webhook that is not serving yet, a kind that is not established yet, a busy server. */
const passing = (error: unknown): boolean => isApiError(error, 'InternalError', 'ServiceUnavailable', 'TooManyRequests', 'Timeout', 'ServerTimeout') || isApiError(error, 'NotFound')

async function applyOne(client: Client, object: KubeObject, { clock, signal, timeoutMs, onWaiting, leaveTracked }: ApplyObjectsOptions): Promise<KubeObject> {
  const what = `${object.kind} ${object.metadata.namespace === undefined ? '' : `${object.metadata.namespace}/`}${object.metadata.name ?? ''}`
  const deadline = clock.now() + timeoutMs
  for (let failures = 1; ; failures++) {
    try {
      const kind = await client.kindOf(object.apiVersion, object.kind)
      const left = leaveTracked ? await trackedObject(client, kind, object) : undefined
      return left ?? await client.apply(kind, object as never, { fieldManager: kept.has(object) ? argoManager : fieldManager, force: true })
    } catch (error) {
      if (!passing(error) || clock.now() > deadline) {
        throw new CodedError({ code: 'ApplyFailed', message: `${what} was refused: ${messageOf(error)}`, where: what, cause: error })
      }
      onWaiting?.([`${what}: ${messageOf(error)}`])
      await sleep(clock, backoff(failures, { initial: 50, max: 2000 }), signal)
    }
  }
}

/** True for what an earlier `idp up` has made, whether Argo CD keeps it by now or not. */
export function isOurs({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[trackingAnnotation]?.startsWith('bootstrap-') === true || (metadata.managedFields ?? []).some(({ manager }) => manager === fieldManager)
}

/** The object as it is live, when Argo CD keeps it. */
async function trackedObject(client: Client, kind: Kind, { metadata }: KubeObject): Promise<KubeObject | undefined> {
  try {
    const live = await client.get(kind, metadata.name ?? '', metadata.namespace === undefined ? {} : { namespace: metadata.namespace })
    const { annotations, managedFields = [] } = live.metadata
    return annotations?.[trackingAnnotation] !== undefined || managedFields.some(({ manager }) => manager === argoManager) ? live : undefined
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined
    throw error
  }
}
