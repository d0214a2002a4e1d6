import type { Kind } from '@idp/api'
import type { AnyObject, JsonObject } from '@idp/formats'
import { CodedError, messageOf, sleep } from '@idp/kit'
import type { Container } from '@idp/sandbox'
import { durationMs } from '../engine/calendar.ts'
import { matches } from '../engine/filters.ts'
import { createGate, type Gate } from '../engine/gate.ts'
import { payloadOf, withParameters } from '../engine/parameters.ts'
import { createRateLimit } from '../engine/rate-limit.ts'
import type { CloudEvent, K8sTrigger, Sensor, Trigger } from '../kinds/events.ts'
import { consume } from './bus-client.ts'

type Events = ReadonlyMap<string, CloudEvent>

/** The pod of a Sensor: waits for events on the bus and fires triggers, under its own account. */
export async function sensor(container: Container): Promise<number> {
  const { clock, env, log, net, signal } = container
  const object = JSON.parse(Buffer.from(env['SENSOR_OBJECT'] ?? '', 'base64').toString()) as Sensor
  const { dependencies = [], triggers = [] } = object.spec
  const gates = triggers.map((trigger): { trigger: Trigger; gate: Gate; allow: () => boolean } => ({ trigger, gate: createGate(trigger.template.conditions, dependencies.map(({ name }) => name)), allow: createRateLimit(trigger.rateLimit, clock) }))
  let ready = false
  await using _health = await net.listen(7777, { handler: () => new Response(ready ? 'ok\n' : 'not ready\n', { status: ready ? 200 : 503 }) })
  const handle = async (event: CloudEvent): Promise<void> => {
    for (const dependency of dependencies) {
      if (!matches(dependency, event)) continue
      for (const { trigger, gate, allow } of gates) {
        const events = gate.take(dependency.name, event)
        if (events === undefined) continue
        if (!allow()) log.warn('a trigger was left out: its rate limit is used up', { triggerName: trigger.template.name })
        else await fire(container, object, trigger, events)
      }
    }
  }
  await consume(container, `sensor/${object.metadata.namespace ?? ''}/${object.metadata.name ?? ''}`, handle, () => { ready = true; log.info('sensor started', { sensor: object.metadata.name }) })
  return signal.aborted ? 0 : 1
}

/** With a retry strategy a trigger that failed is tried again; one that never works is logged and left. */
async function fire(container: Container, sensorObject: Sensor, trigger: Trigger, events: Events): Promise<void> {
  const { clock, log, signal } = container
  const { steps = 1, duration = '1s', factor = 1 } = trigger.retryStrategy ?? {}
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      const done = await act(container, sensorObject, withParameters(trigger, trigger.parameters?.map((one) => ({ ...one, dest: `template.${one.dest}` })), events), events)
      log.info('successfully processed trigger', { triggerName: trigger.template.name, done })
      return
    } catch (error) {
      if (signal.aborted) return
      if (attempt >= steps) { log.error('failed to execute a trigger', { triggerName: trigger.template.name, error: messageOf(error) }); return }
      await sleep(clock, (durationMs(duration) ?? 1000) * Number(factor) ** (attempt - 1), signal).catch(() => {})
    }
  }
}

async function act(container: Container, sensorObject: Sensor, { template }: Trigger, events: Events): Promise<string> {
  if (template.log !== undefined) {
    container.log.info('event', { triggerName: template.name, events: Object.fromEntries([...events].map(([name, event]) => [name, event.data])) })
    return 'logged'
  }
  if (template.http !== undefined) {
    const request = withParameters(template.http, template.http.parameters, events)
    const response = await container.net.fetch(request.url, { method: request.method ?? 'POST', headers: { 'content-type': 'application/json', ...request.headers }, ...(request.method === 'GET' ? {} : { body: JSON.stringify(payloadOf(request.payload, events)) }), signal: container.signal })
    await response.body?.cancel()
    if (!response.ok) throw new CodedError({ code: 'TriggerFailed', message: `${request.url} answers ${response.status}` })
    return `${request.url} answers ${response.status}`
  }
  const trigger = template.argoWorkflow ?? template.k8s
  return change(container, sensorObject, trigger ?? {}, template.argoWorkflow === undefined ? trigger?.operation ?? 'create' : 'create', events)
}

async function change({ client, pod }: Container, { metadata }: Sensor, trigger: K8sTrigger, operation: string, events: Events): Promise<string> {
  if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: pod.name })
  const given = withParameters(trigger.source?.resource as AnyObject, trigger.parameters, events)
  const kind = await client.kindOf(given.apiVersion, given.kind) as Kind<AnyObject>
  const at = kind.scope === 'Cluster' ? {} : { namespace: given.metadata.namespace ?? metadata.namespace ?? '' }
  const own = { 'events.argoproj.io/sensor': metadata.name ?? '', 'events.argoproj.io/trigger': 'true', 'events.argoproj.io/action-timestamp': String([...events.values()].at(-1)?.time ?? '').replaceAll(/[^\w.-]/g, '-') }
  const object: AnyObject = { ...given, metadata: { ...given.metadata, ...at, labels: { ...given.metadata.labels, ...own } } }
  const name = object.metadata.name ?? ''
  const done = (one: AnyObject): string => `${operation} ${kind.kind} ${one.metadata.namespace ?? ''}/${one.metadata.name ?? ''}`
  switch (operation) {
    case 'create': return done(await client.create(kind, object, { ...at, fieldManager: 'argo-events' }))
    case 'update': return done(await client.update(kind, { ...object, metadata: { ...object.metadata, resourceVersion: (await client.get(kind, name, at)).metadata.resourceVersion ?? '' } }, at))
    case 'patch': return done(await client.patch(kind, name, object as unknown as JsonObject, { ...at, type: trigger.patchStrategy?.includes('strategic') === true ? 'strategic' : 'merge', fieldManager: 'argo-events' }))
    case 'delete': await client.delete(kind, name, at); return done(object)
    default: throw new CodedError({ code: 'Unsupported', message: `operation ${operation} is not supported here` })
  }
}
