import type { CloudEvent, DataFilter, Dependency, EventFilters } from '../kinds/events.ts'
import { read } from './json-path.ts'

/** What of a dependency is not done here, by name. */
export function unsupportedIn({ name, filters, transform }: Dependency): string | undefined {
  if (transform !== undefined) return `transform of dependency ${name} is not supported here`
  const known = ['data', 'dataLogicalOperator', 'time', 'context']
  const field = Object.keys(filters ?? {}).find((one) => !known.includes(one))
  if (field !== undefined) return `filters.${field} of dependency ${name} is not supported here`
  return filters?.data?.some(({ template }) => template !== undefined) === true ? `filters.data.template of dependency ${name} is not supported here` : undefined
}

/** Whether an event is one that a dependency waits for. */
export function matches(dependency: Dependency, event: CloudEvent): boolean {
  if (dependency.eventSourceName !== event.source || dependency.eventName !== event.subject) return false
  const { filters } = dependency
  if (filters === undefined) return true
  const verdicts = [
    ...(filters.data === undefined || filters.data.length === 0 ? [] : [dataHolds(filters, event)]),
    ...(filters.context === undefined ? [] : [Object.entries(filters.context).every(([key, value]) => value === '' || value === undefined || event[key as 'type'] === value)]),
    ...(filters.time === undefined ? [] : [timeHolds(filters.time, event.time)]),
  ]
  return dependency.filtersLogicalOperator === 'or' ? verdicts.length === 0 || verdicts.includes(true) : !verdicts.includes(false)
}

function dataHolds({ data = [], dataLogicalOperator }: EventFilters, event: CloudEvent): boolean {
  return dataLogicalOperator === 'or' ? data.some((one) => oneHolds(one, event)) : data.every((one) => oneHolds(one, event))
}

/** One of the values must hold; for `!=` none may be equal. Strings are patterns, as upstream's. */
function oneHolds({ path, type, value, comparator = '=' }: DataFilter, event: CloudEvent): boolean {
  const found = read(event.data, path)
  if (found === undefined) return false
  if (type === 'number') return value.some((one) => compare(Number(found), comparator, Number(one)))
  const equal = value.some((one) => (type === 'bool' ? String(found) === one.toLowerCase() : pattern(one).test(typeof found === 'string' ? found : JSON.stringify(found))))
  return comparator === '!=' ? !equal : equal
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(`^(?:${text})$`)
  } catch {
    return new RegExp(`^${text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`)
  }
}

function compare(a: number, comparator: NonNullable<DataFilter['comparator']>, b: number): boolean {
  switch (comparator) {
    case '>': return a > b
    case '>=': return a >= b
    case '<': return a < b
    case '<=': return a <= b
    case '!=': return a !== b
    default: return a === b
  }
}

/** Times of day in UTC; a window that ends before it begins goes over midnight. */
function timeHolds({ start, stop }: { start: string; stop: string }, time: string): boolean {
  const at = new Date(time).toISOString().slice(11, 19)
  const [from, to] = [start.padEnd(8, ':00'), stop.padEnd(8, ':00')]
  return from <= to ? at >= from && at < to : at >= from || at < to
}
