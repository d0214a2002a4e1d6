import type { Json, JsonObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import type { Arguments, Node, Outputs, Parameter, Template } from '../kinds/workflow.ts'
import { evaluate } from './evaluate.ts'
import { isFulfilled, type Operation } from './operation.ts'
import { asText, nameIn, substitute, unresolvedIn, type Scope } from './substitute.ts'

/** What later steps may say of a finished one: `steps.<name>.…`, `tasks.<name>.…`. */
export function scopeOfNode(op: Operation, prefix: string, node: Node): Record<string, Json> {
  const scope: Record<string, Json> = { [`${prefix}.id`]: node.id, [`${prefix}.status`]: node.phase }
  if (node.startedAt !== undefined) scope[`${prefix}.startedAt`] = node.startedAt
  if (node.finishedAt !== undefined) scope[`${prefix}.finishedAt`] = node.finishedAt
  if (node.outputs?.result !== undefined) scope[`${prefix}.outputs.result`] = node.outputs.result
  if (node.outputs?.exitCode !== undefined) scope[`${prefix}.exitCode`] = node.outputs.exitCode
  for (const { name, value } of node.outputs?.parameters ?? []) if (value !== undefined) scope[`${prefix}.outputs.parameters.${name}`] = value
  if (node.type === 'TaskGroup') Object.assign(scope, aggregated(prefix, (node.children ?? []).flatMap((id) => op.nodes[id] ?? [])))
  return scope
}

/** The outputs of a step with items: lists, as JSON. */
export function aggregated(prefix: string, nodes: readonly Node[]): Record<string, Json> {
  const done = nodes.filter((node) => isFulfilled(node) && node.type !== 'Skipped')
  const scope: Record<string, Json> = {}
  const results = done.flatMap(({ outputs }) => outputs?.result ?? [])
  if (results.length > 0) scope[`${prefix}.outputs.result`] = JSON.stringify(results.map(asJson))
  const parameters = done.map(({ outputs }) => Object.fromEntries((outputs?.parameters ?? []).map(({ name, value }) => [name, value ?? ''])))
  if (parameters.some((one) => Object.keys(one).length > 0)) scope[`${prefix}.outputs.parameters`] = JSON.stringify(parameters)
  for (const name of new Set(parameters.flatMap((one) => Object.keys(one)))) scope[`${prefix}.outputs.parameters.${name}`] = JSON.stringify(parameters.flatMap((one) => one[name] ?? []))
  return scope
}

/** A result that is JSON goes into a list as what it says, as upstream has it. */
function asJson(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}

/** The values of a template's inputs. Throws CodedError `InputMissing`. */
export function resolveInputs(template: Template, given: Arguments | undefined, scope: Scope): Parameter[] {
  return (template.inputs?.parameters ?? []).map((parameter) => {
    const argument = given?.parameters?.find(({ name }) => name === parameter.name)
    const value = (argument === undefined ? undefined : valueOf(argument, scope)) ?? parameter.value ?? parameter.default ?? (parameter.valueFrom === undefined ? undefined : valueOf(parameter, scope))
    if (value === undefined) throw new CodedError({ code: 'InputMissing', message: `inputs.parameters.${parameter.name} was not supplied` })
    const text = asText(value)
    if (parameter.enum !== undefined && !parameter.enum.some((one) => asText(one) === text)) throw new CodedError({ code: 'InputMissing', message: `inputs.parameters.${parameter.name} is ${JSON.stringify(text)}, which is none of its enum` })
    return { name: parameter.name, value: text }
  })
}

/** A parameter's value as its `value`, `valueFrom.expression`, `.parameter` or `.default` say; undefined when what it names is not there. */
export function valueOf({ value, valueFrom, default: otherwise }: Parameter, scope: Scope): Json | undefined {
  if (value !== undefined) return value
  if (valueFrom?.expression !== undefined) {
    try {
      return asText(evaluate(valueFrom.expression, (path) => nameIn(scope, path)) as Json)
    } catch (error) {
      if (valueFrom.default !== undefined) return valueFrom.default
      throw error
    }
  }
  if (valueFrom?.parameter !== undefined) {
    const text = substitute(valueFrom.parameter, scope)
    if (unresolvedIn(text) === undefined) return text
  }
  return valueFrom?.default ?? otherwise
}

/** `inputs.*` for the tags of a template. */
export function inputScope(parameters: readonly Parameter[]): Record<string, Json> {
  const values: JsonObject = Object.fromEntries(parameters.map(({ name, value }) => [name, value ?? '']))
  return { ...Object.fromEntries(Object.entries(values).map(([name, value]) => [`inputs.parameters.${name}`, value])), ...(parameters.length === 0 ? {} : { 'inputs.parameters': JSON.stringify(parameters) }) }
}

/** The outputs of a `steps` or `dag` template, from those of its parts. Throws CodedError `OutputMissing`. */
export function outputsOf(template: Template, scope: Scope): Outputs | undefined {
  const parameters = (template.outputs?.parameters ?? []).map((parameter): Parameter => {
    const value = valueOf(parameter, scope)
    if (value === undefined) throw new CodedError({ code: 'OutputMissing', message: `outputs.parameters.${parameter.name}: ${parameter.valueFrom?.parameter ?? 'valueFrom'} has no value` })
    return { name: parameter.name, value, ...(parameter.globalName === undefined ? {} : { globalName: parameter.globalName }) }
  })
  return parameters.length === 0 ? undefined : { parameters }
}

/** Parameters with a `globalName` become `workflow.outputs.parameters.<name>`. */
export function exportGlobals(op: Operation, node: Node): void {
  for (const { globalName, value } of node.outputs?.parameters ?? []) {
    if (globalName === undefined || value === undefined) continue
    op.globals[`workflow.outputs.parameters.${globalName}`] = value
    op.outputs.parameters = [...(op.outputs.parameters ?? []).filter(({ name }) => name !== globalName), { name: globalName, value }]
  }
}
