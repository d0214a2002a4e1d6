import { RE2JS } from 're2js'
import type { JsonObject } from '@idp/formats'
import { isValidFormat } from './json-schema-format.ts'

/** One fault of a value against its schema. `path` is a JSON pointer into the value. */
export interface SchemaFault { readonly path: string; readonly message: string; readonly causes: readonly SchemaFault[] }

/** Thrown for a schema that cannot be used: a reference that leaves it, a broken pattern. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError'
}

type Schema = boolean | JsonObject
const maxDepth = 500

/**
 * Checks a value against a JSON Schema (drafts 4 to 2020-12: https://json-schema.org). References may point anywhere within the schema, not outside.
 * Answers the faults, none when the value is valid. Throws SchemaError.
 */
export function checkSchema(schema: unknown, value: unknown): SchemaFault[] {
  return new Checker(schema as Schema).check(schema as Schema, value, '', 0).faults
}

/** Faults as lines, causes indented below. */
export function faultLines(faults: readonly SchemaFault[], indent = ''): string[] {
  return faults.flatMap(({ path, message, causes }) => [`${indent}- at '${path}': ${message}`, ...faultLines(causes, `${indent}  `)])
}

/** What a schema found, and which members and items it has looked at (for `unevaluated…`). */
interface Outcome { readonly faults: SchemaFault[]; readonly members: Set<string>; items: number }

class Checker {
  private readonly root: Schema
  private readonly assertsFormat: boolean
  private readonly patterns = new Map<string, RE2JS>()

  constructor(root: Schema) {
    this.root = root
    const dialect = typeof root === 'object' ? String(root['$schema'] ?? '') : ''
    this.assertsFormat = /draft-0[467]/.test(dialect)
  }

  check(schema: Schema, value: unknown, path: string, depth: number): Outcome {
    const outcome: Outcome = { faults: [], members: new Set(), items: 0 }
    if (depth > maxDepth) throw new SchemaError('the schema refers to itself without end')
    if (typeof schema === 'boolean') {
      if (!schema) outcome.faults.push(fault(path, 'false schema'))
      return outcome
    }
    const add = (message: string, causes: SchemaFault[] = []) => { outcome.faults.push(fault(path, message, causes)) }
    const into = (other: Outcome) => {
      for (const member of other.members) outcome.members.add(member)
      outcome.items = Math.max(outcome.items, other.items)
    }
    // A value of another type, or another than those that are named, is not looked at any further.
    const wrong = wrongValue(schema, value)
    if (wrong !== undefined) {
      add(wrong)
      return outcome
    }
    const reference = schema['$ref'] ?? schema['$dynamicRef']
    if (typeof reference === 'string') {
      const found = this.check(this.resolve(reference), value, path, depth + 1)
      outcome.faults.push(...grouped(path, found.faults))
      into(found)
    }
    if (typeof value === 'number' || typeof value === 'bigint') numberFaults(schema, Number(value), add)
    else if (typeof value === 'string') this.text(schema, value, add)
    else if (Array.isArray(value)) this.list(schema, value, path, depth, outcome, add)
    else if (typeof value === 'object' && value !== null) this.map(schema, value as JsonObject, path, depth, outcome, add)
    this.combine(schema, value, path, depth, add, into)
    if (typeof value === 'object' && value !== null) this.unevaluated(schema, value, path, depth, outcome)
    return outcome
  }

  private nested(schema: Schema, value: unknown, path: string, depth: number): SchemaFault[] {
    return grouped(path, this.check(schema, value, path, depth + 1).faults)
  }

  private pattern(source: string): RE2JS {
    let found = this.patterns.get(source)
    if (found === undefined) {
      try {
        found = RE2JS.compile(source)
      } catch {
        throw new SchemaError(`${JSON.stringify(source)} is not a valid regular expression`)
      }
      this.patterns.set(source, found)
    }
    return found
  }

  private text(schema: JsonObject, value: string, add: (message: string) => void): void {
    const { minLength, maxLength, pattern, format } = schema
    const length = [...value].length
    if (typeof minLength === 'number' && length < minLength) add(`minLength: got ${length}, want ${minLength}`)
    if (typeof maxLength === 'number' && length > maxLength) add(`maxLength: got ${length}, want ${maxLength}`)
    if (typeof pattern === 'string' && !this.pattern(pattern).matcher(value).find()) add(`'${value}' does not match pattern '${pattern}'`)
    if (this.assertsFormat && typeof format === 'string' && !isValidFormat(format, value)) add(`'${value}' is not valid ${format}`)
  }

  private list(schema: JsonObject, value: unknown[], path: string, depth: number, outcome: Outcome, add: (message: string, causes?: SchemaFault[]) => void): void {
    const { minItems, maxItems, uniqueItems } = schema
    if (typeof minItems === 'number' && value.length < minItems) add(`minItems: got ${value.length}, want ${minItems}`)
    if (typeof maxItems === 'number' && value.length > maxItems) add(`maxItems: got ${value.length}, want ${maxItems}`)
    if (uniqueItems === true) {
      const twin = twins(value)
      if (twin !== undefined) add(`items at ${twin[0]} and ${twin[1]} are equal`)
    }
    const items = schema['items']
    const prefix = Array.isArray(schema['prefixItems']) ? schema['prefixItems'] : Array.isArray(items) ? items : []
    const rest = Array.isArray(items) ? schema['additionalItems'] : items
    prefix.slice(0, value.length).forEach((one, i) => outcome.faults.push(...this.nested(one as Schema, value[i], `${path}/${i}`, depth)))
    outcome.items = Math.min(prefix.length, value.length)
    if (rest === false && value.length > prefix.length) add(Array.isArray(items) ? `last ${value.length - prefix.length} additionalItem(s) not allowed` : `last ${value.length - prefix.length} item(s) not allowed`)
    else if (rest !== undefined) {
      for (let i = prefix.length; i < value.length; i++) outcome.faults.push(...this.nested(rest as Schema, value[i], `${path}/${i}`, depth))
      outcome.items = value.length
    }
    if (schema['contains'] !== undefined) this.contains(schema, value, path, depth, add)
  }

  private contains(schema: JsonObject, value: unknown[], path: string, depth: number, add: (message: string, causes?: SchemaFault[]) => void): void {
    const results = value.map((item, i) => this.nested(schema['contains'] as Schema, item, `${path}/${i}`, depth))
    const count = results.filter((faults) => faults.length === 0).length
    const least = typeof schema['minContains'] === 'number' ? schema['minContains'] : 1
    if (count < least) add('no items match contains schema', results.flat())
    if (typeof schema['maxContains'] === 'number' && count > schema['maxContains']) add(`max ${schema['maxContains']} items required to match contains schema, but matched ${count} items`)
  }

  private map(schema: JsonObject, value: JsonObject, path: string, depth: number, outcome: Outcome, add: (message: string, causes?: SchemaFault[]) => void): void {
    const keys = Object.keys(value)
    const { minProperties, maxProperties, required } = schema
    if (typeof minProperties === 'number' && keys.length < minProperties) add(`minProperties: got ${keys.length}, want ${minProperties}`)
    if (typeof maxProperties === 'number' && keys.length > maxProperties) add(`maxProperties: got ${keys.length}, want ${maxProperties}`)
    if (Array.isArray(required)) {
      const missing = required.map(String).filter((key) => !Object.hasOwn(value, key))
      if (missing.length > 0) add(missing.length === 1 ? `missing property '${missing[0]}'` : `missing properties ${missing.map((key) => `'${key}'`).join(', ')}`)
    }
    this.members(schema, value, path, depth, outcome, add)
    if (schema['propertyNames'] !== undefined) {
      for (const key of keys) {
        const causes = this.nested(schema['propertyNames'] as Schema, key, '', depth)
        if (causes.length > 0) outcome.faults.push(fault('', `invalid propertyName '${key}'`, causes))
      }
    }
    this.dependencies(schema, value, path, depth, outcome, add)
  }

  private members(schema: JsonObject, value: JsonObject, path: string, depth: number, outcome: Outcome, add: (message: string) => void): void {
    const properties = asMap(schema['properties'])
    const patterns = Object.entries(asMap(schema['patternProperties'])).map(([source, one]) => [this.pattern(source), one as Schema] as const)
    const extra: string[] = []
    for (const key of Object.keys(value)) {
      const at = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
      let known = false
      if (Object.hasOwn(properties, key)) {
        known = true
        outcome.faults.push(...this.nested(properties[key] as Schema, value[key], at, depth))
      }
      for (const [pattern, one] of patterns) {
        if (!pattern.matcher(key).find()) continue
        known = true
        outcome.faults.push(...this.nested(one, value[key], at, depth))
      }
      if (!known && schema['additionalProperties'] !== undefined) {
        if (schema['additionalProperties'] === false) extra.push(key)
        else outcome.faults.push(...this.nested(schema['additionalProperties'] as Schema, value[key], at, depth))
        known = true
      }
      if (known) outcome.members.add(key)
    }
    if (extra.length > 0) add(`additional properties ${extra.map((key) => `'${key}'`).join(', ')} not allowed`)
  }

  private dependencies(schema: JsonObject, value: JsonObject, path: string, depth: number, outcome: Outcome, add: (message: string) => void): void {
    for (const word of ['dependencies', 'dependentRequired', 'dependentSchemas']) {
      for (const [key, wanted] of Object.entries(asMap(schema[word]))) {
        if (!Object.hasOwn(value, key)) continue
        if (!Array.isArray(wanted)) {
          outcome.faults.push(...this.nested(wanted as Schema, value, path, depth))
          continue
        }
        const missing = wanted.map(String).filter((other) => !Object.hasOwn(value, other))
        if (missing.length > 0) add(`properties ${missing.map((other) => `'${other}'`).join(', ')} required, if '${key}' exists`)
      }
    }
  }

  private combine(
    schema: JsonObject, value: unknown, path: string, depth: number, add: (message: string, causes?: SchemaFault[]) => void, into: (other: Outcome) => void,
  ): void {
    const run = (one: unknown) => this.check(one as Schema, value, path, depth + 1)
    if (schema['not'] !== undefined && run(schema['not']).faults.length === 0) add('\'not\' failed')
    if (Array.isArray(schema['allOf'])) {
      const results = schema['allOf'].map(run)
      results.filter(({ faults }) => faults.length === 0).forEach(into)
      const causes = results.flatMap(({ faults }) => grouped(path, faults))
      if (causes.length > 0) add('\'allOf\' failed', causes)
    }
    if (Array.isArray(schema['anyOf'])) {
      const results = schema['anyOf'].map(run)
      const good = results.filter(({ faults }) => faults.length === 0)
      good.forEach(into)
      if (good.length === 0) add('\'anyOf\' failed', results.flatMap(({ faults }) => grouped(path, faults)))
    }
    if (Array.isArray(schema['oneOf'])) {
      const results = schema['oneOf'].map(run)
      const good = results.flatMap(({ faults }, i) => (faults.length === 0 ? [i] : []))
      for (const i of good) into(results[i] as Outcome)
      if (good.length === 0) add('\'oneOf\' failed, none matched', results.flatMap(({ faults }) => grouped(path, faults)))
      else if (good.length > 1) add(`'oneOf' failed, subschemas ${good.slice(0, 2).join(', ')} matched`)
    }
    if (schema['if'] !== undefined) {
      const test = run(schema['if'])
      if (test.faults.length === 0) into(test)
      const branch = test.faults.length === 0 ? schema['then'] : schema['else']
      if (branch !== undefined) {
        const result = run(branch)
        for (const { message, causes } of grouped(path, result.faults)) add(message, [...causes])
        if (result.faults.length === 0) into(result)
      }
    }
  }

  private unevaluated(schema: JsonObject, value: object, path: string, depth: number, outcome: Outcome): void {
    const members = schema['unevaluatedProperties']
    if (members !== undefined && !Array.isArray(value)) {
      const left = Object.keys(value).filter((key) => !outcome.members.has(key))
      if (members === false && left.length > 0) outcome.faults.push(fault(path, `unevaluated properties ${left.map((key) => `'${key}'`).join(', ')} not allowed`))
      else if (members !== false) for (const key of left) outcome.faults.push(...this.nested(members as Schema, (value as JsonObject)[key], `${path}/${key}`, depth))
    }
    const items = schema['unevaluatedItems']
    if (items === false && Array.isArray(value) && value.length > outcome.items) outcome.faults.push(fault(path, `last ${value.length - outcome.items} unevaluated item(s) not allowed`))
  }

  /** A reference within the schema: `#`, `#/definitions/x`, `#anchor`, or the `$id` of a part. */
  private resolve(reference: string): Schema {
    const [base = '', fragment = ''] = reference.split('#')
    const start = base === '' || base === this.idOf(this.root) ? this.root : this.findId(this.root, base, '$id') ?? this.findId(this.root, base, 'id')
    if (start === undefined) throw new SchemaError(`the schema refers to ${JSON.stringify(reference)}, which is not part of it`)
    if (fragment === '') return start
    if (!fragment.startsWith('/')) {
      const anchored = this.findId(this.root, fragment, '$anchor') ?? this.findId(this.root, fragment, '$dynamicAnchor') ?? this.findId(this.root, `#${fragment}`, '$id')
      if (anchored === undefined) throw new SchemaError(`the schema has no anchor ${JSON.stringify(fragment)}`)
      return anchored
    }
    let at: unknown = start
    for (const part of fragment.slice(1).split('/')) {
      const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
      at = typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? (at as Record<string, unknown>)[key] : undefined
    }
    if (at === undefined) throw new SchemaError(`the schema has nothing at ${JSON.stringify(reference)}`)
    return at as Schema
  }

  private idOf(schema: Schema): string | undefined {
    const id = typeof schema === 'object' ? schema['$id'] ?? schema['id'] : undefined
    return typeof id === 'string' ? id.replace(/#$/, '') : undefined
  }

  private findId(at: unknown, id: string, word: string, depth = 0): Schema | undefined {
    if (typeof at !== 'object' || at === null || depth > maxDepth) return undefined
    const own = (at as JsonObject)[word]
    if (typeof own === 'string' && (own === id || (word === '$id' && own.endsWith(`/${id}`)))) return at as Schema
    for (const inner of Object.values(at)) {
      const found = this.findId(inner, id, word, depth + 1)
      if (found !== undefined) return found
    }
    return undefined
  }
}

function fault(path: string, message: string, causes: readonly SchemaFault[] = []): SchemaFault {
  return { path, message, causes }
}

/** Several faults of one schema stand together; a single one stands alone. */
function grouped(path: string, faults: readonly SchemaFault[]): SchemaFault[] {
  return faults.length > 1 ? [fault(path, 'validation failed', faults)] : [...faults]
}

/** What `type`, `const` and `enum` have against a value. */
function wrongValue(schema: JsonObject, value: unknown): string | undefined {
  const { type } = schema
  if (type !== undefined) {
    const wanted = (Array.isArray(type) ? type : [type]).map(String)
    if (!wanted.some((one) => hasType(value, one))) return `got ${typeName(value)}, want ${wanted.sort((a, b) => typeOrder.indexOf(a) - typeOrder.indexOf(b)).join(' or ')}`
  }
  if (Object.hasOwn(schema, 'const') && !same(schema['const'], value)) return `value must be ${shown(schema['const'])}`
  const named = schema['enum']
  if (!Array.isArray(named) || named.some((one) => same(one, value))) return undefined
  if (named.length === 1) return `value must be ${shown(named[0])}`
  return named.every((one) => typeof one !== 'object' || one === null) ? `value must be one of ${named.map(shown).join(', ')}` : 'enum failed'
}

function numberFaults(schema: JsonObject, value: number, add: (message: string) => void): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema
  const number = (word: unknown): word is number => typeof word === 'number'
  if (number(minimum) && (exclusiveMinimum === true ? value <= minimum : value < minimum)) add(`minimum: got ${value}, want ${minimum}`)
  if (number(maximum) && (exclusiveMaximum === true ? value >= maximum : value > maximum)) add(`maximum: got ${value}, want ${maximum}`)
  if (number(exclusiveMinimum) && value <= exclusiveMinimum) add(`exclusiveMinimum: got ${value}, want ${exclusiveMinimum}`)
  if (number(exclusiveMaximum) && value >= exclusiveMaximum) add(`exclusiveMaximum: got ${value}, want ${exclusiveMaximum}`)
  if (number(multipleOf) && !isMultiple(value, multipleOf)) add(`multipleOf: got ${value}, want ${multipleOf}`)
}

function isMultiple(value: number, of: number): boolean {
  const quotient = value / of
  return Math.abs(quotient - Math.round(quotient)) < 1e-9
}

const typeOrder = ['null', 'boolean', 'number', 'integer', 'string', 'array', 'object']

function hasType(value: unknown, type: string): boolean {
  const name = typeName(value)
  return type === name || (type === 'integer' && name === 'number' && Number.isInteger(Number(value)))
}

function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value === 'bigint' ? 'number' : typeof value
}

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a === 'bigint' || typeof b === 'bigint') return (typeof a === 'number' || typeof a === 'bigint') && (typeof b === 'number' || typeof b === 'bigint') && Number(a) === Number(b)
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => same(item, b[i]))
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same((a as JsonObject)[key], (b as JsonObject)[key]))
}

function twins(items: readonly unknown[]): [number, number] | undefined {
  for (let j = 1; j < items.length; j++) for (let i = 0; i < j; i++) if (same(items[i], items[j])) return [i, j]
  return undefined
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  return value === null ? '<nil>' : typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function asMap(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as JsonObject : {}
}
