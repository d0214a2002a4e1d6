import type { Kind } from '@idp/api'
import { watch, type Controller, type Outcome, type Scope } from '@idp/controller'
import type { AnyObject, KubeObject } from '@idp/formats'
import { messageOf, rfc3339 } from '@idp/kit'
import { busProblem, dependenciesProblem, sourceProblem, triggersProblem } from '../engine/validate.ts'
import { busObjects, busUrl, eventSourceObjects, sensorObjects } from '../engine/workloads.ts'
import { EventBusKind, EventSourceKind, SensorKind, type Condition, type EventBus, type EventSource, type Sensor, type Status } from '../kinds/events.ts'

/** How often what was made is looked after; its kinds are not watched, to save memory. */
const resyncMs = 60_000

/** Applies the objects; a server-side apply of what is there already changes nothing. */
async function apply(scope: Scope, objects: readonly AnyObject[]): Promise<void> {
  for (const object of objects) await scope.client.apply(await scope.client.kindOf(object.apiVersion, object.kind) as Kind<AnyObject>, object, { fieldManager: 'argo-events', force: true })
}

type Step = readonly [type: string, problem: string | undefined]

/** Conditions of the steps in order: those after a problem are not true either. */
function statusOf(before: Status | undefined, steps: readonly Step[], now: string): Status {
  let failed = false
  const conditions = steps.map(([type, problem]): Condition => {
    const status = failed ? 'Unknown' : problem === undefined ? 'True' : 'False'
    failed ||= problem !== undefined
    const known = before?.conditions?.find((one) => one.type === type)
    return { type, status, lastTransitionTime: known?.status === status ? known.lastTransitionTime ?? now : now, ...(status === 'False' ? { reason: 'InvalidSpec', message: problem ?? '' } : {}) }
  })
  return { ...before, conditions }
}

/** One step of the status is the deployment itself. */
async function deploy(object: KubeObject & { status?: Status }, scope: Scope, steps: readonly Step[], objects: () => readonly AnyObject[]): Promise<Outcome> {
  const now = rfc3339(scope.clock.now())
  if (steps.some(([, problem]) => problem !== undefined)) return { status: statusOf(object.status, steps.at(-1)?.[0] === 'Deployed' ? steps : [...steps, ['Deployed', undefined]], now) }
  try {
    await apply(scope, objects())
    return { status: statusOf(object.status, [...steps, ['Deployed', undefined]], now), requeueAfter: resyncMs }
  } catch (error) {
    return { status: statusOf(object.status, [...steps, ['Deployed', messageOf(error)]], now), failed: error }
  }
}

const busOf = ({ metadata, spec }: EventSource | Sensor, scope: Scope): EventBus | undefined => scope.cache(EventBusKind).get(spec.eventBusName ?? 'default', metadata.namespace)
const noBus = ({ spec }: EventSource | Sensor): string => `failed to get eventbus ${spec.eventBusName ?? 'default'}`
const changedSpec = (before: KubeObject | undefined, after: KubeObject): boolean => before?.metadata.generation !== after.metadata.generation || before?.metadata.deletionTimestamp !== after.metadata.deletionTimestamp

export function controllers(image: string): readonly Controller[] {
  const eventBus: Controller<EventBus> = {
    name: 'eventbus-controller', for: EventBusKind, concerns: changedSpec,
    async reconcile(bus, scope) {
      const outcome = await deploy(bus, scope, [['Configured', busProblem(bus)]], () => busObjects(bus, image))
      return { ...outcome, status: { ...(outcome.status as Status), config: { jetstream: { url: busUrl(bus) } } } }
    },
  }
  const eventSource: Controller<EventSource> = {
    name: 'eventsource-controller', for: EventSourceKind, concerns: changedSpec,
    watches: [watch(EventBusKind, (_, scope) => scope.cache(EventSourceKind).list().map(({ metadata }) => ({ name: metadata.name ?? '', namespace: metadata.namespace })))],
    async reconcile(source, scope) {
      const bus = busOf(source, scope)
      return deploy(source, scope, [['SourcesProvided', sourceProblem(source)], ...(bus === undefined ? [['Deployed', noBus(source)] as const] : [])] as Step[], () => (bus === undefined ? [] : eventSourceObjects(source, bus, image)))
    },
  }
  const sensor: Controller<Sensor> = {
    name: 'sensor-controller', for: SensorKind, concerns: changedSpec,
    watches: [watch(EventBusKind, (_, scope) => scope.cache(SensorKind).list().map(({ metadata }) => ({ name: metadata.name ?? '', namespace: metadata.namespace })))],
    async reconcile(one, scope) {
      const bus = busOf(one, scope)
      return deploy(one, scope, [['DependenciesProvided', dependenciesProblem(one)], ['TriggersProvided', triggersProblem(one)], ...(bus === undefined ? [['Deployed', noBus(one)] as const] : [])] as Step[], () => (bus === undefined ? [] : sensorObjects(one, bus, image)))
    },
  }
  return [eventBus, eventSource, sensor] as unknown as Controller[]
}
