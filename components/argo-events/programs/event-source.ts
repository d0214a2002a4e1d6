import type { Kind } from '@idp/api'
import { informer } from '@idp/controller'
import type { AnyObject, Json } from '@idp/formats'
import { CodedError, messageOf, rfc3339, uuid } from '@idp/kit'
import { untilAborted, type Container } from '@idp/sandbox'
import { nextTick } from '../engine/calendar.ts'
import { read } from '../engine/json-path.ts'
import type { CalendarSource, EventSource, ResourceSource, WebhookSource } from '../kinds/events.ts'
import { publish } from './bus-client.ts'

type Emit = (type: string, name: string, data: Json) => Promise<void>

/** The pod of an EventSource: takes events in and puts them on the bus. */
export async function eventSource(container: Container): Promise<number> {
  const { clock, env, log, random, signal } = container
  const source = JSON.parse(Buffer.from(env['EVENTSOURCE_OBJECT'] ?? '', 'base64').toString()) as EventSource
  const emit: Emit = async (type, name, data) => {
    await publish(container, { id: uuid(random), source: source.metadata.name ?? '', specversion: '1.0', type, datacontenttype: 'application/json', subject: name, time: rfc3339(clock.now()), data })
    log.info('succeeded to publish an event', { eventName: name, eventSourceType: type })
  }
  await using listeners = new AsyncDisposableStack()
  await webhooks(container, Object.entries(source.spec.webhook ?? {}), emit, listeners)
  for (const [name, calendar] of Object.entries(source.spec.calendar ?? {})) follow(container, name, calendar, emit)
  for (const [name, resource] of Object.entries(source.spec.resource ?? {})) await watchResource(container, name, { namespace: source.metadata.namespace ?? '', ...resource }, emit)
  log.info('eventing server started', { eventSource: source.metadata.name })
  await untilAborted(signal)
  return 0
}

/** Webhooks of one port share its server. */
async function webhooks({ log, net, signal }: Container, all: readonly (readonly [string, WebhookSource])[], emit: Emit, listeners: AsyncDisposableStack): Promise<void> {
  const ports = Map.groupBy(all, ([, { port = '12000' }]) => Number(port))
  for (const [port, hooks] of ports) {
    listeners.use(await net.listen(port, { handler: async (request) => {
      const { pathname } = new URL(request.url)
      if (pathname === '/health') return new Response('OK')
      const hook = hooks.find(([, { endpoint = '/' }]) => endpoint === pathname)
      if (hook === undefined) return new Response('404 page not found\n', { status: 404 })
      const [name, { method = 'POST' }] = hook
      if (request.method !== method.toUpperCase()) return new Response('method not allowed\n', { status: 405 })
      const text = await request.text()
      const form = request.headers.get('content-type')?.startsWith('application/x-www-form-urlencoded') === true
      const body = form ? Object.fromEntries(Map.groupBy(new URLSearchParams(text), ([key]) => key).entries().map(([key, values]) => [key, values.map(([, value]) => value)])) : parsed(text)
      if (body === undefined) return new Response('failed to parse request data\n', { status: 400 })
      const header = Object.fromEntries([...request.headers].map(([key, value]) => [key.replaceAll(/(^|-)[a-z]/g, (part) => part.toUpperCase()), [value]]))
      try {
        await emit('webhook', name, { header, body: body as Json })
        return new Response('success')
      } catch (error) {
        if (!signal.aborted) log.error('failed to publish an event', { eventName: name, error: messageOf(error) })
        return new Response('failed to publish the event\n', { status: 500 })
      }
    } }))
  }
}

function parsed(text: string): Json | undefined {
  if (text === '') return {}
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

/** An event at each time of a schedule or after each interval. */
function follow(container: Container, name: string, calendar: CalendarSource, emit: Emit): void {
  const { clock, log, signal } = container
  const plan = (): void => {
    const next = nextTick(calendar, clock.now())
    if (next === undefined) return
    const timer = clock.timer(next - clock.now(), () => {
      signal.removeEventListener('abort', cancel)
      void emit('calendar', name, { eventTime: new Date(clock.now()).toISOString(), ...(calendar.metadata === undefined ? {} : { metadata: calendar.metadata }) })
        .catch((error: unknown) => { if (!signal.aborted) log.error('failed to publish an event', { eventName: name, error: messageOf(error) }) })
      if (!signal.aborted) plan()
    })
    const cancel = (): void => timer[Symbol.dispose]()
    signal.addEventListener('abort', cancel, { once: true })
  }
  plan()
}

/** Changes of a kind, under the pod's own account. */
async function watchResource({ client, clock, log, pod, signal }: Container, name: string, spec: ResourceSource, emit: Emit): Promise<void> {
  if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: pod.name })
  const kind = (await client.kinds()).find((one) => one.group === (spec.group ?? '') && one.plural === spec.resource) as Kind<AnyObject> | undefined
  if (kind === undefined) throw new CodedError({ code: 'KindNotFound', message: `the cluster has no ${spec.resource} in group ${JSON.stringify(spec.group ?? '')}`, where: name })
  const { filter } = spec
  const labelSelector = (filter?.labels ?? []).map(({ key, operation = '=', value }) => `${key}${operation}${value}`).join(',')
  const view = informer(client, kind, { signal, clock, log, query: { ...(spec.namespace === undefined || spec.namespace === '' || kind.scope === 'Cluster' ? {} : { namespace: spec.namespace }), ...(labelSelector === '' ? {} : { labelSelector }) } })
  await view.synced
  let first = true
  view.onChange(({ before, after }) => {
    // What was there before the source began is told only where nobody said afterStart.
    if (first && filter?.afterStart === true) return
    const type = before === undefined ? 'ADD' : after === undefined ? 'DELETE' : 'UPDATE'
    const object = after ?? before as AnyObject
    if (spec.eventTypes !== undefined && !spec.eventTypes.includes(type)) return
    if (filter?.prefix !== undefined && object.metadata.name?.startsWith(filter.prefix) !== true) return
    if (filter?.fields?.every(({ key, operation = '==', value }) => (String(read(object, key) ?? '') === value) === (operation !== '!=')) === false) return
    void emit('resource', name, { type, body: object as unknown as Json, group: kind.group, version: kind.version, resource: kind.plural, ...(type === 'UPDATE' ? { oldBody: before as unknown as Json } : {}) })
      .catch((error: unknown) => { if (!signal.aborted) log.error('failed to publish an event', { eventName: name, error: messageOf(error) }) })
  })
  first = false
}
