import type { Kind } from '@idp/api'
import type { Client } from '@idp/client'
import { informer, type Informer } from '@idp/controller'
import type { AnyObject, Json, JsonObject } from '@idp/formats'
import { CodedError, messageOf, rfc3339 } from '@idp/kit'
import type { Container } from '@idp/sandbox'
import type { ContextSource } from '../engine/context.ts'
import { expressionOf } from '../engine/expression.ts'
import { duration } from '../engine/pattern-operators.ts'
import { GlobalContextEntry, type GlobalContextEntryObject } from '../kinds/global-context-entry.ts'

export interface GlobalContext {
  /** The data of `entry`, or of `entry.projection`. Throws CodedError `ContextFailed` for one that is not there, or not ready. */
  read(name: string): Json
}

interface Held { readonly entry: GlobalContextEntryObject; readonly stop: AbortController; timer?: Disposable; refresh?: () => void; data?: Json; error?: string; projected: Map<string, Json> }

const defaultInterval = 600_000
const defaultRetries = 3

interface Options extends Pick<Container, 'clock' | 'log' | 'signal'> { readonly client: Client; readonly source: ContextSource; /** True for a second reader: another program writes the status. */ readonly readsOnly?: boolean }

/** Keeps the data of all GlobalContextEntries at hand: resources by a watch, calls asked again after their interval; and says in their status whether it is there. */
export function createGlobalContext(entries: Informer<GlobalContextEntryObject>, { client, clock, log, signal, source, readsOnly = false }: Options): GlobalContext {
  const held = new Map<string, Held>()
  const drop = (name: string): void => {
    const known = held.get(name)
    known?.timer?.[Symbol.dispose]()
    known?.stop.abort()
    held.delete(name)
  }
  const take = (one: Held, data: Json): void => {
    one.data = data
    delete one.error
    one.projected = new Map((one.entry.spec.projections ?? []).map(({ name, jmesPath }) => [name, expressionOf(jmesPath)(data as JsonObject)]))
  }
  const say = (one: Held, message: string): void => {
    if (readsOnly) return
    const ready = one.error === undefined
    const now = rfc3339(clock.now())
    const status = { ...(ready ? { lastRefreshTime: now } : {}), conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', reason: ready ? 'Succeeded' : 'Failed', message, lastTransitionTime: now }] }
    client.patch(GlobalContextEntry, one.entry.metadata.name ?? '', { status }, { type: 'merge', subresource: 'status', fieldManager: 'kyverno' }).catch((error: unknown) => { if (!signal.aborted) log.warn('the status of a global context entry could not be written', { error: messageOf(error) }) })
  }
  const fail = (one: Held, error: unknown): void => {
    one.error = messageOf(error)
    say(one, one.error)
  }
  const call = async (one: Held, tries = 0): Promise<void> => {
    const { apiCall = {} } = one.entry.spec
    const body = apiCall.method === 'POST' ? Object.fromEntries((apiCall.data ?? []).map(({ key, value }) => [key, value])) : undefined
    const interval = duration(apiCall.refreshInterval ?? '') ?? defaultInterval
    const again = (ms: number, next: number): void => {
      if (!one.stop.signal.aborted && !signal.aborted) one.timer = clock.timer(ms, () => void call(one, next))
    }
    try {
      const { service } = apiCall
      const answer = service === undefined ? await source.api(apiCall.urlPath ?? '', body) : await serviceAnswer(source, { ...service, body, post: apiCall.method === 'POST' })
      if (one.stop.signal.aborted) return
      take(one, answer)
      say(one, 'Ready')
      again(interval, 0)
    } catch (error) {
      const last = tries >= (apiCall.retryLimit ?? defaultRetries)
      if (last) fail(one, error)
      again(last ? interval : Math.min(interval, 1_000 * 2 ** tries), last ? 0 : tries + 1)
    }
  }
  const follow = async (one: Held): Promise<void> => {
    const { kubernetesResource } = one.entry.spec
    if (kubernetesResource === undefined) return call(one)
    const { group = '', version, resource, namespace } = kubernetesResource
    const kind = (await client.kinds()).find((served) => served.plural === resource && served.group === group && served.version === version) as Kind<AnyObject> | undefined
    if (kind === undefined) throw new CodedError({ code: 'KindNotServed', message: `${group === '' ? '' : `${group}/`}${version} ${resource} is not served` })
    const view = informer(client, kind, { clock, log, signal: AbortSignal.any([signal, one.stop.signal]), ...(namespace === undefined || namespace === '' ? {} : { query: { namespace } }) })
    await view.synced
    // Read again when somebody asks after a change, not at every change.
    let stale = true
    one.refresh = () => {
      if (stale) take(one, view.cache.list() as unknown as Json)
      stale = false
    }
    view.onChange(() => { stale = true })
    one.refresh()
    say(one, 'Ready')
  }
  entries.onChange(({ before, after }) => {
    if (before !== undefined && before.metadata.generation === after?.metadata.generation) return
    if (before !== undefined) drop(before.metadata.name ?? '')
    if (after === undefined) return
    const one: Held = { entry: after, stop: new AbortController(), projected: new Map() }
    held.set(after.metadata.name ?? '', one)
    follow(one).catch((error: unknown) => { if (!one.stop.signal.aborted && !signal.aborted) fail(one, error) })
  })
  return {
    read(reference) {
      const dot = reference.indexOf('.')
      const one = held.get(reference) ?? held.get(dot < 0 ? reference : reference.slice(0, dot))
      if (one === undefined) throw new CodedError({ code: 'ContextFailed', message: `there is no GlobalContextEntry '${reference}'` })
      one.refresh?.()
      if (one.data === undefined) throw new CodedError({ code: 'ContextFailed', message: `GlobalContextEntry '${reference}' is not ready: ${one.error ?? 'it has not been read yet'}` })
      if (held.has(reference)) return one.data
      const part = one.projected.get(reference.slice(dot + 1))
      if (part === undefined) throw new CodedError({ code: 'ContextFailed', message: `GlobalContextEntry '${reference.slice(0, dot)}' has no projection '${reference.slice(dot + 1)}'` })
      return part
    },
  }
}

async function serviceAnswer(source: ContextSource, { url, caBundle, headers = [], body, post }: { readonly url: string; readonly caBundle?: string; readonly headers?: readonly { readonly key: string; readonly value: string }[]; readonly body: Json | undefined; readonly post: boolean }): Promise<Json> {
  if (source.service === undefined) throw new CodedError({ code: 'ContextFailed', message: 'no service can be called from here' })
  return source.service({ url, method: post ? 'POST' : 'GET', headers: Object.fromEntries(headers.map(({ key, value }) => [key, value])), ...(body === undefined ? {} : { body }), ...(caBundle === undefined ? {} : { caBundle }) })
}
