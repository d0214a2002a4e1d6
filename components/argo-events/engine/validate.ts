import { messageOf } from '@idp/kit'
import type { EventBus, EventSource, Sensor } from '../kinds/events.ts'
import { nextTick } from './calendar.ts'
import { unsupportedIn } from './filters.ts'
import { createGate } from './gate.ts'
import { unsupportedInTrigger } from './parameters.ts'

const sourceFields = ['eventBusName', 'replicas', 'template', 'service', 'webhook', 'calendar', 'resource']
const optionsOf: Readonly<Record<string, readonly string[]>> = {
  webhook: ['port', 'endpoint', 'method', 'url', 'maxPayloadSize'], calendar: ['schedule', 'interval', 'timezone', 'metadata'],
  resource: ['namespace', 'group', 'version', 'resource', 'eventTypes', 'filter', 'metadata'],
}

/** Why an EventBus is not taken; undefined when it is. */
export function busProblem({ spec }: EventBus): string | undefined {
  const other = Object.keys(spec).find((field) => field !== 'jetstream')
  return spec.jetstream === undefined || other !== undefined ? `event bus type ${other ?? 'none'} is not supported here, jetstream is` : undefined
}

/** Why an EventSource is not taken; undefined when it is. */
export function sourceProblem({ spec }: EventSource): string | undefined {
  const other = Object.keys(spec).find((field) => !sourceFields.includes(field))
  if (other !== undefined) return `event source type ${other} is not supported here; webhook, calendar and resource are`
  for (const type of Object.keys(optionsOf)) {
    for (const [name, source] of Object.entries((spec[type] ?? {}) as Record<string, object>)) {
      const option = Object.keys(source).find((field) => optionsOf[type]?.includes(field) !== true)
      if (option !== undefined) return `${option} of ${type} ${name} is not supported here`
    }
  }
  for (const [name, calendar] of Object.entries(spec.calendar ?? {})) {
    try { nextTick(calendar, 0) } catch (error) { return `calendar ${name}: ${messageOf(error)}` }
  }
  return Object.keys(optionsOf).every((type) => Object.keys((spec[type] ?? {}) as object).length === 0) ? 'the event source has no event' : undefined
}

export const dependenciesProblem = ({ spec }: Sensor): string | undefined => ((spec.dependencies ?? []).length === 0 ? 'no dependencies found' : spec.dependencies?.map(unsupportedIn).find((one) => one !== undefined))

export function triggersProblem({ spec }: Sensor): string | undefined {
  if ((spec.triggers ?? []).length === 0) return 'no triggers found'
  for (const trigger of spec.triggers ?? []) {
    const refused = unsupportedInTrigger(trigger)
    if (refused !== undefined) return refused
    try { createGate(trigger.template.conditions, (spec.dependencies ?? []).map(({ name }) => name)) } catch (error) { return `trigger ${trigger.template.name}: ${messageOf(error)}` }
  }
  return undefined
}
