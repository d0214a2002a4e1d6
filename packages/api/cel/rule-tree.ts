import { CelOptional, type CelValue, optionalNone, perCallLimit, perRequestLimit } from '@idp/lang-cel'
import { deepEqual, type Json } from '@idp/formats'
import { hasRules } from '../schema/has-rules.ts'
import type { Schema } from '../schema/schema.ts'
import { canonicalJson, isObject } from '../schema/value-type.ts'
import { mapKey } from '../schema/validate.ts'
import { duplicate, type FieldError, forbidden, invalid, required } from '../validation/field-error.ts'
import { type CompiledRule, compileRules, selfValue } from './compile-rule.ts'
import { propertyType, schemaType, type SchemaType } from './schema-type.ts'

/** What the rules of a schema say of an object. */
export interface RuleFindings {
  readonly errors: FieldError[]
  /** What is wrong already and did not change: the write goes on, the client is warned. */
  readonly warnings: string[]
}

export interface ValidationRules {
  /** Runs all rules; with `old`, transition rules too. Ends when the rules of one object cost too much together. */
  validate(value: Json, old?: Json): RuleFindings
  /** The same, with the run-time cost; for tests and measurements. */
  run(value: Json, old?: Json, path?: string, budget?: number): RuleFindings & { readonly cost: number }
}

interface Node {
  readonly schema: Schema
  readonly type: SchemaType | undefined
  readonly rules: readonly CompiledRule[]
  readonly items: Node | undefined
  readonly values: Node | undefined
  readonly properties: ReadonlyMap<string, Node>
  readonly allOf: readonly Node[]
  readonly keyOf: ((item: Json) => string) | undefined
}

interface Run {
  budget: number
  readonly root: Node
  /** Below apiVersion or kind of the whole object, which the two versions always share: nothing there counts as unchanged. */
  strict: boolean
  readonly errors: FieldError[]
  readonly warnings: string[]
}

/** The nearest value around that has a stored one to compare with. */
interface Ancestor { readonly value: Json; readonly old: Json | undefined }

/**
 * Compiles every `x-kubernetes-validations` of a schema; undefined when it has none. Rules run from the outside in, `oldSelf` is the stored
 * value at the same field, key, or key fields of a map list
 * (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules).
 */
export function compileValidationRules(schema: Schema, isResource = true): ValidationRules | undefined {
  if (!hasRules(schema)) return undefined
  let root: Node | undefined
  const run: ValidationRules['run'] = (value, old, path = '', budget = perRequestLimit) => {
    root ??= makeNode(schema, schema, schemaType(schema, 'self', isResource))
    if (!root) return { errors: [], warnings: [], cost: 0 }
    const state: Run = { budget, root, strict: false, errors: [], warnings: [] }
    visit(root, value, old, path, { value, old }, state)
    return { errors: state.errors, warnings: state.warnings, cost: budget - state.budget }
  }
  return { run, validate: (value, old) => run(value, old) }
}

/** `rules` is where rules are looked for, `schema` the structure they speak of: the same but within allOf. */
function makeNode(rules: Schema, schema: Schema, type: SchemaType | undefined): Node | undefined {
  const child = (below: Schema | undefined, structure: Schema | undefined, known: SchemaType | undefined) =>
    below && structure && hasRules(below) ? makeNode(below, structure, known) : undefined
  const properties = new Map<string, Node>()
  for (const name in rules.properties) {
    const structure = schema.properties?.[name]
    const node = structure && hasRules(rules.properties[name] ?? {}) ? child(rules.properties[name], structure, propertyType(type, name, structure)) : undefined
    if (node) properties.set(name, node)
  }
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  return {
    schema, type, properties, rules: type ? compileRules({ ...schema, 'x-kubernetes-validations': rules['x-kubernetes-validations'] ?? [] }, type) : [],
    items: child(rules.items, schema.items, type?.item),
    values: typeof rules.additionalProperties === 'object' && typeof schema.additionalProperties === 'object' ? child(rules.additionalProperties, schema.additionalProperties, type?.item) : undefined,
    allOf: (rules.allOf ?? []).filter(hasRules).map((all) => makeNode(all, schema, type)).filter((node) => node !== undefined),
    keyOf: schema['x-kubernetes-list-type'] === 'map' ? (item) => canonicalJson(mapKey(item, keys, schema.items)) : undefined,
  }
}

function visit(node: Node, value: Json, old: Json | undefined, path: string, around: Ancestor, run: Run): void {
  if (value === null || run.budget < 0) return
  runRules(node, value, old, path, around, run)
  for (const all of node.allOf) {
    if (run.budget < 0) return
    visit(all, value, old, path, around, run)
  }
  const nearest = old === undefined ? around : { value, old }
  if (Array.isArray(value)) visitItems(node, value, old, path, nearest, run)
  else if (isObject(value)) visitFields(node, value, isObject(old) ? old : undefined, path, nearest, run)
}

function visitItems({ items, keyOf }: Node, value: Json[], old: Json | undefined, path: string, around: Ancestor, run: Run): void {
  if (!items) return
  const stored = keyOf && Array.isArray(old) ? new Map(old.map((item) => [keyOf(item), item])) : undefined
  for (const [i, item] of value.entries()) {
    if (run.budget < 0) return
    visit(items, item, stored?.get(keyOf?.(item) ?? ''), `${path}[${i}]`, around, run)
  }
}

function visitFields(node: Node, value: { [key: string]: Json }, old: { [key: string]: Json } | undefined, path: string, around: Ancestor, run: Run): void {
  const { values, properties } = node
  if (values) {
    for (const key in value) {
      if (run.budget < 0) return
      visit(values, value[key] ?? null, old?.[key], `${path}[${key}]`, around, run)
    }
  }
  for (const [name, child] of properties) {
    if (run.budget < 0) return
    const inner = value[name]
    if (inner === undefined) continue
    run.strict = node === run.root && (name === 'apiVersion' || name === 'kind')
    visit(child, inner, old?.[name], path === '' ? name : `${path}.${name}`, around, run)
    run.strict = false
  }
}

const outOfBudget = 'validation failed due to running out of cost budget, no further validation rules will be run'

function runRules({ rules, schema, type }: Node, value: Json, old: Json | undefined, path: string, around: Ancestor, run: Run): void {
  if (rules.length === 0 || !type) return
  const stop = (detail: string) => {
    run.errors.push(invalid(path, schema.type ?? '', detail))
    run.budget = -1
  }
  if (run.budget <= 0) return stop(outOfBudget)
  const self = selfValue(type, value as CelValue)
  const before = old === undefined || old === null ? undefined : selfValue(type, old as CelValue)
  for (const compiled of rules) {
    const { rule, program, usesOldSelf } = compiled
    if (compiled.error !== undefined) run.errors.push(invalid(path, schema.type ?? '', `rule compile error: ${compiled.error}`))
    if (!program || (usesOldSelf && before === undefined && rule.optionalOldSelf !== true)) continue
    const oldSelf = rule.optionalOldSelf === true ? before === undefined ? optionalNone : new CelOptional(before) : before
    const outcome = program.run({ self, oldSelf }, { costLimit: perCallLimit })
    if (outcome.cost > run.budget) return stop(outOfBudget)
    run.budget -= outcome.cost
    const name = ruleName(compiled)
    if (outcome.error) {
      const { message, fatal } = outcome.error
      if (fatal) return stop(`'${message}': no further validation rules will be run due to call cost exceeds limit for rule: ${name}`)
      run.errors.push(invalid(path, schema.type ?? '', message.startsWith('no such overload')
        ? `'${message}': call arguments did not match a supported operator, function or macro signature for rule: ${name}` : `${message} evaluating rule: ${name}`))
      continue
    }
    if (outcome.value === true) continue
    report(compiled, { self, oldSelf }, value, old, path, around, run, schema)
    if (run.budget < 0) return
  }
}

const ruleName = ({ rule }: CompiledRule) => (rule.message || rule.rule).trim()

/** Adds the error of a rule that does not hold, or the warning when what it is about did not change. */
function report(compiled: CompiledRule, variables: Record<string, CelValue | undefined>, value: Json, old: Json | undefined, path: string, around: Ancestor, run: Run, schema: Schema): void {
  const { rule, usesOldSelf, fieldPath } = compiled
  const at = fieldPath === '' ? path : path === '' ? fieldPath : fieldPath.startsWith('[') ? `${path}${fieldPath}` : `${path}.${fieldPath}`
  const unchanged = !usesOldSelf && !run.strict && (old === undefined ? around.old !== undefined && deepEqual(around.value, around.old) : deepEqual(value, old))
  const add = (error: FieldError) => {
    if (unchanged) run.warnings.push(`${error.field === '' ? '<nil>' : error.field}: ${error.message}`)
    else run.errors.push(error)
  }
  const detail = evaluateMessage(compiled, variables, run)
  if (detail !== undefined && run.budget < 0) return add(invalid(at, schema.type ?? '', detail))
  add(ruleError(rule.reason, at, schema, value, detail ?? (rule.message ? rule.message.trim() : `failed rule: ${ruleName(compiled)}`)))
}

function ruleError(reason: string | undefined, path: string, schema: Schema, value: Json, detail: string): FieldError {
  const whole = schema.type === 'object' || schema.type === 'array'
  switch (reason) {
    case 'FieldValueForbidden': return forbidden(path, detail)
    case 'FieldValueRequired': return required(path, detail)
    case 'FieldValueDuplicate': return whole ? { ...duplicate(path, value), message: 'Duplicate value' } : duplicate(path, value)
    default: return whole ? { reason: 'FieldValueInvalid', field: path, message: `Invalid value: ${detail}` } : invalid(path, value, detail)
  }
}

const longestMessage = 5 * 1024

/** The text of `messageExpression`; undefined when there is none or it fails, which falls back to the message. Ends the run when it costs too much. */
function evaluateMessage({ message, rule }: CompiledRule, variables: Record<string, CelValue | undefined>, run: Run): string | undefined {
  if (!message) return undefined
  const outcome = message.run(variables, { costLimit: perCallLimit })
  const shown = JSON.stringify(rule.messageExpression)
  if (outcome.error?.fatal || outcome.cost > run.budget) {
    const ran = outcome.cost > run.budget
    run.budget = -1
    return ran ? 'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run' : `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${shown}`
  }
  run.budget -= outcome.cost
  if (outcome.error || typeof outcome.value !== 'string') return undefined
  const text = outcome.value.trim()
  return text === '' || Buffer.byteLength(text) > longestMessage || text.includes('\n') ? undefined : text
}
