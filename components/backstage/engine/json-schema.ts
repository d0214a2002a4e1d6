import type { Json, JsonObject } from '@idp/formats'
import { deepEqual } from '@idp/formats'

/** What does not fit: where (JSON pointer), which keyword, Ajv's words, and the keyword's parameter. */
export interface SchemaProblem { readonly path: string; readonly keyword: string; readonly message: string; readonly params: Readonly<Record<string, string | number>> }

const annotations = new Set(['$schema', '$id', '$comment', 'title', 'description', 'default', 'examples', 'format', 'enumNames', 'definitions', '$defs', 'deprecated', 'readOnly', 'writeOnly', 'backstage:permissions', 'backstage:featureFlag', 'backstage:validation'])
const known = new Set(['type', 'enum', 'const', 'minLength', 'maxLength', 'pattern', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'items', 'minItems', 'maxItems', 'uniqueItems', 'required', 'properties', 'additionalProperties', 'patternProperties', 'minProperties', 'maxProperties', 'allOf', 'anyOf', 'oneOf', 'not', 'if', 'then', 'else', 'dependencies'])

/** Keywords of a schema that are not understood here, with their places: they are refused, not skipped. `ui:*` is for the form. */
export function unknownKeywords(schema: Json, path = ''): string[] {
  if (!isObject(schema)) return []
  const here = Object.keys(schema).filter((key) => !known.has(key) && !annotations.has(key) && !key.startsWith('ui:') && !key.startsWith('x-')).map((key) => `${path}/${key}`)
  const below: [string, Json][] = []
  for (const key of ['properties', 'patternProperties', 'dependencies']) for (const [name, one] of Object.entries(isObject(schema[key]) ? schema[key] : {})) below.push([`${path}/${key}/${name}`, one])
  for (const key of ['items', 'additionalProperties', 'not', 'if', 'then', 'else']) if (isObject(schema[key])) below.push([`${path}/${key}`, schema[key]])
  for (const key of ['allOf', 'anyOf', 'oneOf']) for (const [index, one] of (Array.isArray(schema[key]) ? schema[key] : []).entries()) below.push([`${path}/${key}/${index}`, one])
  return [...here, ...below.flatMap(([at, one]) => unknownKeywords(one, at))]
}

/** All problems of a value by JSON Schema draft 7 (the keywords above), in Ajv's order and words. */
export function validateSchema(schema: Json, value: Json | undefined, path = ''): SchemaProblem[] {
  if (schema === true || !isObject(schema)) return schema === false ? [problem(path, 'false schema', 'boolean schema is false', {})] : []
  const found: SchemaProblem[] = []
  const types = schema['type'] === undefined ? [] : [schema['type']].flat()
  if (types.length > 0 && !types.some((type) => hasType(value, String(type)))) return [problem(path, 'type', `must be ${types.join(',')}`, { type: types.join(',') })]
  const allowed = schema['enum']
  if (Array.isArray(allowed) && !allowed.some((one) => deepEqual(one, value))) found.push(problem(path, 'enum', 'must be equal to one of the allowed values', { allowedValues: allowed.join(',') }))
  if (schema['const'] !== undefined && !deepEqual(schema['const'], value)) found.push(problem(path, 'const', 'must be equal to constant', { allowedValue: JSON.stringify(schema['const']) }))
  if (typeof value === 'string') found.push(...stringProblems(schema, value, path))
  if (typeof value === 'number') found.push(...numberProblems(schema, value, path))
  found.push(...combined(schema, value, path))
  if (Array.isArray(value)) found.push(...arrayProblems(schema, value, path))
  else if (isObject(value)) found.push(...objectProblems(schema, value, path))
  return found
}

function stringProblems(schema: JsonObject, value: string, path: string): SchemaProblem[] {
  const { minLength, maxLength, pattern } = schema
  const length = [...value].length
  const found: SchemaProblem[] = []
  if (typeof maxLength === 'number' && length > maxLength) found.push(problem(path, 'maxLength', `must NOT have more than ${maxLength} characters`, { limit: maxLength }))
  if (typeof minLength === 'number' && length < minLength) found.push(problem(path, 'minLength', `must NOT have fewer than ${minLength} characters`, { limit: minLength }))
  if (typeof pattern === 'string' && !new RegExp(pattern, 'u').test(value)) found.push(problem(path, 'pattern', `must match pattern "${pattern}"`, { pattern }))
  return found
}

function numberProblems(schema: JsonObject, value: number, path: string): SchemaProblem[] {
  const checks: [string, string, (limit: number) => boolean][] = [['minimum', '>=', (n) => value >= n], ['maximum', '<=', (n) => value <= n], ['exclusiveMinimum', '>', (n) => value > n], ['exclusiveMaximum', '<', (n) => value < n]]
  const found = checks.flatMap(([key, sign, holds]) => { const limit = schema[key]; return typeof limit === 'number' && !holds(limit) ? [problem(path, key, `must be ${sign} ${limit}`, { comparison: sign, limit })] : [] })
  const step = schema['multipleOf']
  if (typeof step === 'number' && !Number.isInteger(value / step)) found.push(problem(path, 'multipleOf', `must be multiple of ${step}`, { multipleOf: step }))
  return found
}

function combined(schema: JsonObject, value: Json | undefined, path: string): SchemaProblem[] {
  const found: SchemaProblem[] = []
  const fits = (one: Json): boolean => validateSchema(one, value, path).length === 0
  const { allOf, anyOf, oneOf, not } = schema
  if (not !== undefined && fits(not)) found.push(problem(path, 'not', 'must NOT be valid', {}))
  if (Array.isArray(anyOf) && !anyOf.some(fits)) found.push(problem(path, 'anyOf', 'must match a schema in anyOf', {}))
  if (Array.isArray(oneOf) && oneOf.filter(fits).length !== 1) found.push(problem(path, 'oneOf', 'must match exactly one schema in oneOf', {}))
  if (Array.isArray(allOf)) for (const one of allOf) found.push(...validateSchema(one, value, path))
  if (schema['if'] !== undefined) found.push(...validateSchema((fits(schema['if']) ? schema['then'] : schema['else']) ?? true, value, path))
  return found
}

function arrayProblems(schema: JsonObject, value: readonly Json[], path: string): SchemaProblem[] {
  const { items, minItems, maxItems, uniqueItems } = schema
  const found: SchemaProblem[] = []
  if (typeof maxItems === 'number' && value.length > maxItems) found.push(problem(path, 'maxItems', `must NOT have more than ${maxItems} items`, { limit: maxItems }))
  if (typeof minItems === 'number' && value.length < minItems) found.push(problem(path, 'minItems', `must NOT have fewer than ${minItems} items`, { limit: minItems }))
  if (uniqueItems === true) for (let i = 0; i < value.length; i++) {
    const twin = value.findIndex((one, at) => at < i && deepEqual(one, value[i]))
    if (twin >= 0) { found.push(problem(path, 'uniqueItems', `must NOT have duplicate items (items ## ${twin} and ${i} are identical)`, { i, j: twin })); break }
  }
  if (items !== undefined) for (const [index, one] of value.entries()) found.push(...validateSchema(Array.isArray(items) ? items[index] ?? true : items, one, `${path}/${index}`))
  return found
}

function objectProblems(schema: JsonObject, value: JsonObject, path: string): SchemaProblem[] {
  const properties = isObject(schema['properties']) ? schema['properties'] : {}
  const patterns = Object.entries(isObject(schema['patternProperties']) ? schema['patternProperties'] : {}).map(([pattern, one]) => [new RegExp(pattern, 'u'), one] as const)
  const found: SchemaProblem[] = []
  for (const name of Array.isArray(schema['required']) ? schema['required'] : []) if (value[String(name)] === undefined) found.push(problem(path, 'required', `must have required property '${String(name)}'`, { missingProperty: String(name) }))
  const { additionalProperties: rest, dependencies } = schema
  for (const [name, one] of Object.entries(value)) {
    const matching = patterns.filter(([pattern]) => pattern.test(name))
    if (Object.hasOwn(properties, name) || matching.length > 0 || rest === undefined || rest === true) continue
    if (rest === false) found.push(problem(path, 'additionalProperties', 'must NOT have additional properties', { additionalProperty: name }))
    else found.push(...validateSchema(rest, one, `${path}/${pointer(name)}`))
  }
  for (const [name, one] of Object.entries(properties)) if (value[name] !== undefined) found.push(...validateSchema(one, value[name], `${path}/${pointer(name)}`))
  for (const [name, one] of Object.entries(value)) for (const [pattern, below] of patterns) if (pattern.test(name)) found.push(...validateSchema(below, one, `${path}/${pointer(name)}`))
  for (const [name, needs] of Object.entries(isObject(dependencies) ? dependencies : {})) {
    if (value[name] === undefined) continue
    found.push(...validateSchema(Array.isArray(needs) ? { required: needs } : needs, value, path))
  }
  return found
}

function hasType(value: Json | undefined, type: string): boolean {
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return isObject(value)
  if (type === 'integer') return Number.isInteger(value)
  if (type === 'null') return value === null
  return typeof value === type
}

const pointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')
const problem = (path: string, keyword: string, message: string, params: SchemaProblem['params']): SchemaProblem => ({ path, keyword, message, params })
export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)
