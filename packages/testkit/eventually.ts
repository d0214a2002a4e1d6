import type { Kind } from '@idp/api'
import type { Client, WatchQuery } from '@idp/client'
import type { KubeObject } from '@idp/formats'

export interface EventuallyOptions extends Pick<WatchQuery, 'namespace' | 'labelSelector' | 'fieldSelector'> {
  /** Longest wait in milliseconds of real time; 60 s by default. */
  readonly timeoutMs?: number
}

/**
 * Waits on a watch until the objects of a kind satisfy `condition`; returns them. Never sleeps.
 * Throws an Error that shows the objects when the time is over.
 */
export async function eventually<T extends KubeObject>(client: Client, kind: Kind<T>, condition: (objects: readonly T[]) => boolean, options: EventuallyOptions = {}): Promise<readonly T[]> {
  const { timeoutMs = 60_000, ...query } = options
  const signal = AbortSignal.timeout(timeoutMs)
  const list = await client.list(kind, query)
  const objects = new Map(list.items.map((o) => [keyOf(o), o]))
  if (condition([...objects.values()])) return [...objects.values()]
  for await (const event of client.watch(kind, { ...query, resourceVersion: list.metadata.resourceVersion, signal })) {
    if (event.type === 'BOOKMARK') continue
    if (event.type === 'DELETED') objects.delete(keyOf(event.object))
    else objects.set(keyOf(event.object), event.object)
    if (condition([...objects.values()])) return [...objects.values()]
  }
  throw new Error(`${kind.plural} did not get there within ${timeoutMs} ms: ${JSON.stringify([...objects.values()], undefined, 1)}`)
}

/** The same for one object; `condition` gets undefined while there is none. */
export async function eventuallyOne<T extends KubeObject>(client: Client, kind: Kind<T>, name: string, condition: (object: T | undefined) => boolean, options: Omit<EventuallyOptions, 'fieldSelector'> = {}): Promise<T | undefined> {
  const found = await eventually(client, kind, ([object]) => condition(object), { ...options, fieldSelector: `metadata.name=${name}` })
  return found[0]
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`
}
