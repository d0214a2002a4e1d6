import { CodedError, messageOf } from '@idp/kit'
import type { GoMap } from '@idp/lang-gotemplate/core'
import type { ActiveChart } from './dependencies.ts'
import { checkSchema, faultLines, SchemaError } from './json-schema.ts'
import { isTable } from './values.ts'

/** Checks values against values.schema.json of a chart and its subcharts. Throws CodedError `InvalidValues`, `InvalidSchema`. */
export function validateValues(active: ActiveChart, values: GoMap): void {
  const text = faultsOf(active, values)
  if (text === '') return
  throw new CodedError({
    code: 'InvalidValues', where: `values of chart ${active.name}`,
    message: `values don't meet the specifications of the schema(s) in the following chart(s):\n${text}`,
  })
}

function faultsOf(active: ActiveChart, values: GoMap): string {
  let text = ''
  if (active.chart.schema !== undefined) {
    const faults = check(active, active.chart.schema, values)
    if (faults.length > 0) text += `${active.name}:\n${faults.join('\n')}\n`
  }
  for (const sub of active.dependencies) {
    const inner = Object.hasOwn(values, sub.name) ? values[sub.name] : undefined
    if (isTable(inner)) text += faultsOf(sub, inner)
  }
  return text
}

const parsed = new Map<string, unknown>()

function parse(active: ActiveChart, schema: string): unknown {
  if (!parsed.has(schema)) {
    if (parsed.size > 100) parsed.clear()
    try {
      parsed.set(schema, JSON.parse(schema))
    } catch (error) {
      throw new CodedError({ code: 'InvalidSchema', message: `values.schema.json is not JSON: ${messageOf(error)}`, where: `${active.fullPath}/values.schema.json`, cause: error })
    }
  }
  return parsed.get(schema)
}

function check(active: ActiveChart, schema: string, values: GoMap): string[] {
  try {
    const faults = checkSchema(parse(active, schema), values)
    const [only] = faults
    // A group that stands alone is not named.
    return faultLines(faults.length === 1 && only?.message === 'validation failed' ? only.causes : faults)
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error
    throw new CodedError({
      code: 'InvalidSchema', message: error.message, where: `${active.fullPath}/values.schema.json`, cause: error,
      remedy: 'Put what the schema refers to into the schema itself, or skip schema validation',
    })
  }
}
