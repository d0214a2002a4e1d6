import { deepEqual, type Json } from '@idp/formats'
import { duplicate, type FieldError, invalid, notSupported, required, tooLong, tooMany, typeInvalid } from '../validation/field-error.ts'
import { compilePattern } from './regular-expression.ts'
import { refOf, type Resolve, type Schema } from './schema.ts'
import { formatCheck } from './string-format.ts'
import { canonicalJson, isObject, typeMatches, valueType } from './value-type.ts'

/** Checks a value and adds what is wrong to `errors`. `old` is the stored value at the same place, when there is one. */
export type Validate = (value: Json, path: string, errors: FieldError[], old: Json | undefined) => void

export interface ValidateContext {
  resolve: Resolve
  memo: Map<string, { validate?: Validate }>
}

const childPath = (path: string, name: string) => path === '' ? name : `${path}.${name}`

/** Compiles validation; undefined when everything is valid. */
export function compileValidate(schema: Schema, context: ValidateContext): Validate | undefined {
  const ref = refOf(schema)
  if (ref !== undefined) {
    let slot = context.memo.get(ref)
    if (!slot) {
      context.memo.set(ref, slot = {})
      const target = context.resolve(ref)
      const compiled = target && compileValidate(target, context)
      if (compiled) slot.validate = compiled
    }
    const found = slot
    return (value, path, errors, old) => found.validate?.(value, path, errors, old)
  }
  const type = compileType(schema)
  const checks = [compileScalar(schema), compileArray(schema, context), compileObject(schema, context), compileEnum(schema), compileLogic(schema, context)]
    .filter((check) => check !== undefined)
  if (!type && checks.length === 0) return undefined
  const nullable = schema.nullable === true
  return (value, path, errors, old) => {
    if (value === null && nullable) return
    if (type) {
      const before = errors.length
      type(value, path, errors, old)
      if (errors.length > before) return
    }
    for (const check of checks) check(value, path, errors, old)
  }
}

function compileType(schema: Schema): Validate | undefined {
  const types = schema['x-kubernetes-int-or-string'] === true || schema.format === 'int-or-string' ? ['integer', 'string'] : schema.type === undefined ? undefined : [schema.type]
  if (!types) return undefined
  const wanted = types.join(',')
  return (value, path, errors) => {
    const actual = valueType(value)
    for (const type of types) if (typeMatches(type, actual)) return
    errors.push(typeInvalid(path, actual, `${path} in body must be of type ${wanted}: ${JSON.stringify(actual)}`))
  }
}

function compileScalar(schema: Schema): Validate | undefined {
  const { minimum, maximum, multipleOf, minLength, maxLength, pattern, format } = schema
  // Compiled when the first value comes: most patterns of a schema never see one.
  let matches: ((text: string) => boolean) | undefined
  const isFormat = format === undefined ? undefined : formatCheck(format)
  const forNumber = minimum !== undefined || maximum !== undefined || multipleOf !== undefined
  const forString = minLength !== undefined || maxLength !== undefined || pattern !== undefined || isFormat !== undefined
  if (!forNumber && !forString) return undefined
  return (value, path, errors) => {
    const fail = (text: string) => errors.push(invalid(path, value, `${path} in body ${text}`))
    if (typeof value === 'number' && forNumber) {
      if (multipleOf !== undefined && !Number.isInteger(Number((value / multipleOf).toPrecision(12)))) fail(`should be a multiple of ${multipleOf}`)
      if (maximum !== undefined && (schema.exclusiveMaximum ? value >= maximum : value > maximum)) fail(`should be less than ${schema.exclusiveMaximum ? '' : 'or equal to '}${maximum}`)
      if (minimum !== undefined && (schema.exclusiveMinimum ? value <= minimum : value < minimum)) fail(`should be greater than ${schema.exclusiveMinimum ? '' : 'or equal to '}${minimum}`)
    }
    if (typeof value === 'string' && forString) {
      const length = minLength === undefined && maxLength === undefined ? 0 : runeCount(value)
      if (maxLength !== undefined && length > maxLength) errors.push(tooLong(path, maxLength))
      if (minLength !== undefined && length < minLength) fail(`should be at least ${minLength} chars long`)
      if (pattern !== undefined && !(matches ??= compilePattern(pattern))(value)) fail(`should match '${pattern}'`)
      if (isFormat && !isFormat(value)) errors.push(invalid(path, value, `${path} in body must be of type ${format}: ${JSON.stringify(value)}`))
    }
  }
}

/** Characters as Go counts them. */
function runeCount(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

function compileEnum({ enum: values }: Schema): Validate | undefined {
  if (!values) return undefined
  const simple = new Set<Json>(values.filter((value) => typeof value !== 'object' || value === null))
  const complex = values.filter((value) => typeof value === 'object' && value !== null)
  return (value, path, errors) => {
    if (!simple.has(value) && !complex.some((candidate) => deepEqual(candidate, value))) errors.push(notSupported(path, value, values))
  }
}

function compileArray(schema: Schema, context: ValidateContext): Validate | undefined {
  const each = schema.items && compileValidate(schema.items, context)
  const { minItems, maxItems, uniqueItems } = schema
  const listType = schema['x-kubernetes-list-type']
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const keyOf = listType === 'map' ? (item: Json) => canonicalJson(mapKey(item, keys, schema.items)) : undefined
  if (!each && minItems === undefined && maxItems === undefined && !uniqueItems && listType !== 'set' && !keyOf) return undefined
  return (value, path, errors, old) => {
    if (!Array.isArray(value)) return
    if (maxItems !== undefined && value.length > maxItems) errors.push(tooMany(path, value.length, maxItems))
    if (minItems !== undefined && value.length < minItems) errors.push(invalid(path, value.length, `${path} in body should have at least ${minItems} items`))
    if (uniqueItems && new Set(value.map(canonicalJson)).size < value.length) errors.push(invalid(path, '', `${path} in body shouldn't contain duplicates`))
    const oldItems = keyOf && each && Array.isArray(old) ? new Map(old.map((item) => [keyOf(item), item])) : undefined
    if (each) for (let i = 0; i < value.length; i++) visit(each, value[i] ?? null, `${path}[${i}]`, errors, oldItems?.get(keyOf?.(value[i] ?? null) ?? ''))
    if (listType === 'set' || keyOf) checkUnique(value, path, errors, keyOf ?? canonicalJson, listType === 'map' ? (item) => mapKey(item, keys, schema.items) : (item) => item)
  }
}

function checkUnique(items: Json[], path: string, errors: FieldError[], keyOf: (item: Json) => string, shown: (item: Json) => Json): void {
  if (items.length < 2) return
  const seen = new Set<string>()
  for (let i = 0; i < items.length; i++) {
    const item = items[i] ?? null
    const key = keyOf(item)
    if (seen.has(key)) errors.push(duplicate(`${path}[${i}]`, shown(item)))
    seen.add(key)
  }
}

/** The key fields of an item of a map list; a field that is absent counts with its default. */
export function mapKey(item: Json, keys: readonly string[], schema: Schema | undefined): Json {
  const key: Record<string, Json> = {}
  if (isObject(item)) {
    for (const name of keys) {
      const value = item[name] ?? schema?.properties?.[name]?.default
      if (value !== undefined) key[name] = value
    }
  }
  return key
}

/** Visits a child; errors below a value that did not change since it was stored are tolerated. */
function visit(validate: Validate, value: Json, path: string, errors: FieldError[], old: Json | undefined): void {
  const before = errors.length
  validate(value, path, errors, old)
  if (old !== undefined && errors.length > before && deepEqual(value, old)) errors.length = before
}

function compileObject(schema: Schema, context: ValidateContext): Validate | undefined {
  const { minProperties, maxProperties } = schema
  const needed = schema.required ?? []
  const properties: [string, Validate][] = []
  for (const name in schema.properties) {
    const validate = compileValidate(schema.properties[name] ?? {}, context)
    if (validate) properties.push([name, validate])
  }
  const declared = new Set(Object.keys(schema.properties ?? {}))
  const additional = typeof schema.additionalProperties === 'object' ? compileValidate(schema.additionalProperties, context) : undefined
  const closed = schema.additionalProperties === false
  const embedded = schema['x-kubernetes-embedded-resource'] === true
  if (needed.length === 0 && properties.length === 0 && !additional && !closed && !embedded && minProperties === undefined && maxProperties === undefined) return undefined
  return (value, path, errors, old) => {
    if (!isObject(value)) return
    const before = isObject(old) ? old : undefined
    for (const name of needed) if (value[name] === undefined) errors.push(required(childPath(path, name)))
    if (embedded) checkEmbedded(value, path, errors)
    for (const [name, validate] of properties) {
      const child = value[name]
      if (child !== undefined) visit(validate, child, childPath(path, name), errors, before?.[name])
    }
    if (additional) for (const key in value) if (!declared.has(key)) visit(additional, value[key] ?? null, childPath(path, key), errors, before?.[key])
    if (closed) for (const key in value) if (!declared.has(key)) errors.push(invalid(path, '', `${childPath(path, key)} in body is a forbidden property`))
    if (minProperties === undefined && maxProperties === undefined) return
    const count = Object.keys(value).length
    if (maxProperties !== undefined && count > maxProperties) errors.push(tooMany(path, count, maxProperties))
    if (minProperties !== undefined && count < minProperties) errors.push(invalid(path, count, `${path} in body should have at least ${minProperties} properties`))
  }
}

function checkEmbedded(value: Record<string, Json>, path: string, errors: FieldError[]): void {
  for (const name of ['apiVersion', 'kind']) {
    const text = value[name]
    if (text === undefined || text === '') errors.push(required(childPath(path, name), 'must not be empty'))
  }
}

function compileLogic(schema: Schema, context: ValidateContext): Validate | undefined {
  const compileAll = (list: Schema[] | undefined) => list?.map((sub) => compileValidate(sub, context) ?? (() => {}))
  const all = compileAll(schema.allOf)
  const any = compileAll(schema.anyOf)
  const one = compileAll(schema.oneOf)
  const not = schema.not && (compileValidate(schema.not, context) ?? (() => {}))
  if (!all && !any && !one && !not) return undefined
  const errorsOf = (validate: Validate, value: Json, path: string) => {
    const errors: FieldError[] = []
    validate(value, path, errors, undefined)
    return errors
  }
  // The library upstream names the path inside the message and leaves the field itself empty.
  const fail = (errors: FieldError[], path: string, text: string) => errors.push(invalid('<nil>', '', `${JSON.stringify(path)} ${text}`))
  return (value, path, errors) => {
    if (any) {
      const results = any.map((validate) => errorsOf(validate, value, path))
      if (!results.some((list) => list.length === 0)) {
        fail(errors, path, 'must validate at least one schema (anyOf)')
        errors.push(...bestMatch(results))
      }
    }
    if (one) {
      const results = one.map((validate) => errorsOf(validate, value, path))
      const valid = results.filter((list) => list.length === 0).length
      if (valid !== 1) fail(errors, path, `must validate one and only one schema (oneOf). ${valid === 0 ? 'Found none valid' : `Found ${valid} valid alternatives`}`)
      if (valid === 0) errors.push(...bestMatch(results))
    }
    if (all) {
      const results = all.map((validate) => errorsOf(validate, value, path))
      if (results.some((list) => list.length > 0)) {
        fail(errors, path, 'must validate all the schemas (allOf)')
        errors.push(...results.flat())
      }
    }
    if (not && errorsOf(not, value, path).length === 0) fail(errors, path, 'must not validate the schema (not)')
  }
}

/** The errors of the alternative that came closest. */
function bestMatch(results: FieldError[][]): FieldError[] {
  return results.reduce((best, list) => list.length < best.length ? list : best, results[0] ?? [])
}
