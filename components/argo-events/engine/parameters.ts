import type { Json } from '@idp/formats'
import { CodedError } from '@idp/kit'
import type { CloudEvent, Trigger, TriggerParameter } from '../kinds/events.ts'
import { read, write } from './json-path.ts'

type Events = ReadonlyMap<string, CloudEvent>

/** Puts values of events where parameters say. Throws CodedError `ParameterMissing`. */
export function withParameters<T>(value: T, parameters: readonly TriggerParameter[] | undefined, events: Events): T {
  return (parameters ?? []).reduce((made, parameter) => {
    const given = valueOf(parameter, events)
    const known = read(made, parameter.dest)
    const text = (one: Json | undefined): string => (one === undefined ? '' : typeof one === 'string' ? one : JSON.stringify(one))
    const set = parameter.operation === 'append' ? text(known) + text(given) : parameter.operation === 'prepend' ? text(given) + text(known) : given
    return write(made, parameter.dest, set)
  }, value)
}

/** The body of an HTTP trigger. */
export const payloadOf = (parameters: readonly TriggerParameter[] | undefined, events: Events): Json => withParameters<Json>({}, parameters, events)

function valueOf({ src, dest }: TriggerParameter, events: Events): Json {
  const event = events.get(src?.dependencyName ?? '')
  if (src === undefined) throw new CodedError({ code: 'ParameterMissing', message: 'the parameter has no src', where: dest })
  const found = event === undefined ? undefined : src.contextKey !== undefined && src.contextKey !== '' ? read(event, src.contextKey) : src.dataKey === undefined || src.dataKey === '' ? event.data : read(event.data, src.dataKey)
  const value = found ?? src.value
  if (value === undefined) throw new CodedError({ code: 'ParameterMissing', message: `the event of ${src.dependencyName} has no ${src.dataKey ?? src.contextKey ?? 'data'}, and the parameter has no value`, where: dest })
  return src.useRawData === true || typeof value === 'string' ? value : JSON.stringify(value)
}

const kinds = ['k8s', 'argoWorkflow', 'http', 'log'] as const
const known: readonly string[] = ['name', 'conditions', ...kinds]
const operations: Readonly<Record<string, readonly string[]>> = { k8s: ['create', 'update', 'patch', 'delete'], argoWorkflow: ['submit'] }

/** What of a trigger is not done here, by name. */
export function unsupportedInTrigger({ template }: Trigger): string | undefined {
  const say = (what: string): string => `${what} of trigger ${template.name} is not supported here`
  const other = Object.keys(template).find((field) => !known.includes(field))
  if (other !== undefined) return say(other)
  const type = kinds.find((one) => template[one] !== undefined)
  if (type === undefined) return `trigger ${template.name} has none of ${kinds.join(', ')}`
  const { operation = type === 'k8s' ? 'create' : 'submit', source } = (type === 'k8s' ? template.k8s : template.argoWorkflow) ?? {}
  if (operations[type]?.includes(operation) === false) return say(`operation ${operation}`)
  if ((type === 'k8s' || type === 'argoWorkflow') && source?.resource === undefined) return say(`source ${Object.keys(source ?? {}).join(', ')}`)
  const parameters = [template.k8s, template.argoWorkflow, template.http].flatMap((one) => one?.parameters ?? []).concat(template.http?.payload ?? [])
  return parameters.some(({ src }) => src?.dataTemplate !== undefined || src?.contextTemplate !== undefined) ? say('a parameter template') : undefined
}
