import { isApiError } from '@idp/api'
import type { Client } from '@idp/client'
import { waitFor } from '@idp/controller'
import type { AnyObject, JsonObject } from '@idp/formats'
import { sleep } from '@idp/kit'
import { Simulated, type VerifyContext } from './check.ts'

/** Names one live object. */
export interface Ref { readonly apiVersion: string; readonly kind: string; readonly name: string; readonly namespace?: string }

export const application = (name: string): Ref => ({ apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', name, namespace: 'argocd' })
export const describe = ({ kind, namespace, name }: Ref): string => `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`

/** A value that a diagram gives, as text; absent is empty. */
export const text = (value: unknown): string => String(value ?? '')

/** The value at a path of field names and list indexes; undefined where a step is missing. */
export function at(object: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((value, step) => (typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[step] : undefined), object)
}

export async function get(client: Client, ref: Ref): Promise<AnyObject> {
  return client.get(await client.kindOf(ref.apiVersion, ref.kind), ref.name, { namespace: ref.namespace })
}

export async function list(client: Client, apiVersion: string, kind: string, query: { namespace?: string; labelSelector?: string } = {}): Promise<readonly AnyObject[]> {
  return (await client.list(await client.kindOf(apiVersion, kind), query)).items
}

/** How often a change is offered again that the server gives up on because others change the object at the same moment. */
const conflicts = 5

export async function patch(client: Client, ref: Ref, body: JsonObject): Promise<AnyObject> {
  const kind = await client.kindOf(ref.apiVersion, ref.kind)
  for (let left = conflicts; ; left--) {
    try {
      return await client.patch(kind, ref.name, body, { namespace: ref.namespace, type: 'merge', fieldManager: 'idp-verify' })
    } catch (error) {
      if (left === 0 || !isApiError(error, 'Conflict')) throw error
    }
  }
}

/** Deletes an object and waits until it is gone; does nothing when it is. */
export async function remove(context: VerifyContext, ref: Ref): Promise<void> {
  const kind = await context.client.kindOf(ref.apiVersion, ref.kind)
  try {
    await context.client.delete(kind, ref.name, { namespace: ref.namespace, propagationPolicy: 'Background' })
  } catch (error) {
    if (isApiError(error, 'NotFound')) return
    throw error
  }
  await waitFor(context.client, kind, { name: ref.name, ...(ref.namespace === undefined ? {} : { namespace: ref.namespace }), until: (object) => object === undefined, what: 'to be gone', timeoutMs: 15_000, clock: context.clock })
}

/** Applies a scratch object that the end of the run removes again. */
export async function applyScratch(context: VerifyContext, object: AnyObject): Promise<AnyObject> {
  const { apiVersion, kind, metadata: { name = '', namespace } } = object
  context.cleanUp(() => remove(context, { apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) }))
  return context.client.apply(await context.client.kindOf(apiVersion, kind), object, { fieldManager: 'idp-verify', force: true })
}

/** Waits until the object is as `until` wants it. Throws CodedError `TimedOut` that names the last conditions seen. */
export async function eventually(context: VerifyContext, ref: Ref, until: (object: AnyObject | undefined) => boolean, what: string, timeoutMs = 15_000): Promise<AnyObject | undefined> {
  const kind = await context.client.kindOf(ref.apiVersion, ref.kind)
  return waitFor(context.client, kind, {
    name: ref.name, ...(ref.namespace === undefined ? {} : { namespace: ref.namespace }), until, what, timeoutMs, signal: context.signal, clock: context.clock,
  })
}

/** How long a pod may be away: another check has just made its workload replace it. */
const replacementMs = 10_000

/** The running pods of a namespace whose names begin with one of `prefixes`. Throws when there is none. */
export async function runningPods(context: VerifyContext, namespace: string, ...prefixes: readonly string[]): Promise<readonly AnyObject[]> {
  for (const until = context.clock.now() + replacementMs; ;) {
    const pods = (await list(context.client, 'v1', 'Pod', { namespace }))
      .filter((pod) => prefixes.some((prefix) => pod.metadata.name?.startsWith(prefix)) && pod.metadata.deletionTimestamp === undefined && at(pod, 'status', 'phase') === 'Running')
    if (pods.length > 0) return pods
    if (context.clock.now() >= until) throw new Error(`no pod ${namespace}/${prefixes.join('|')}* is running`)
    await sleep(context.clock, 250, context.signal)
  }
}

/** True when the program behind a pod is only simulated by the engine. */
export const isSimulated = (pod: AnyObject): boolean => pod.metadata.annotations?.['idp.dev/stand-in'] === 'simulated'

/** The pods, when all of them run a program; throws Simulated when one does not. */
export async function realPods(context: VerifyContext, namespace: string, ...prefixes: readonly string[]): Promise<readonly AnyObject[]> {
  const pods = await runningPods(context, namespace, ...prefixes)
  const simulated = pods.find(isSimulated)
  if (simulated !== undefined) throw new Simulated(`pod ${namespace}/${simulated.metadata.name} is simulated: its image ${at(simulated, 'spec', 'containers', 0, 'image')} has no program yet`)
  return pods
}
