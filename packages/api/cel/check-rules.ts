import { estimateCost } from '@idp/lang-cel'
import { hasRules } from '../schema/has-rules.ts'
import type { Schema, ValidationRule } from '../schema/schema.ts'
import { type FieldError, forbidden, invalid, notSupported, required } from '../validation/field-error.ts'
import { type CompiledRule, compileRules, normalizeFieldPath } from './compile-rule.ts'
import { compileValidationRules } from './rule-tree.ts'
import { maxRequestBytes, propertyType, schemaType, type SchemaType } from './schema-type.ts'

const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired']
/** Most that one rule may be estimated to cost, over all places that it runs for. */
const ruleLimit = 10_000_000
/** Most for all rules of a version. */
const schemaLimit = 100_000_000

interface Place {
  readonly path: string
  readonly isResource: boolean
  /** How often the place can occur in one object; undefined when a list or map around it is open. */
  readonly cardinality: number | undefined
  /** The list around whose items cannot be told apart between two versions of an object. */
  readonly uncorrelatable: string | undefined
}

interface Findings {
  readonly errors: FieldError[]
  readonly costs: { readonly path: string; readonly cost: number }[]
}

/**
 * Checks the rules of a CRD version's schema: their shape, that they compile against the schema, and that they cannot cost too much. In
 * upstream's words, the schema's own errors aside, which come first.
 */
export function checkValidationRules(schema: Schema, path: string): FieldError[] {
  if (!hasRules(schema)) return []
  const found: Findings = { errors: [], costs: [] }
  visit(schema, schemaType(schema, 'self', true), { path, isResource: true, cardinality: 1, uncorrelatable: undefined }, found)
  const total = found.costs.reduce((sum, { cost }) => sum + cost, 0)
  if (total > schemaLimit) {
    for (const { path: at } of [...found.costs].sort((a, b) => b.cost - a.cost).slice(0, 4)) found.errors.push(forbidden(at, 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema'))
    found.errors.push(forbidden(path, tooExpensive('x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema', total, schemaLimit)))
  }
  return found.errors
}

function visit(schema: Schema, type: SchemaType | undefined, place: Place, found: Findings): void {
  if (!hasRules(schema)) return
  const before = found.errors.length
  if ((schema['x-kubernetes-validations']?.length ?? 0) > 0) checkNode(schema, type, place, found)
  const times = (count: number | undefined) => place.cardinality === undefined || count === undefined ? undefined : place.cardinality * Math.max(0, count)
  for (const name in schema.properties) {
    const child = schema.properties[name] ?? {}
    if (!hasRules(child)) continue
    visit(child, propertyType(type, name, child), { ...place, path: `${place.path}.properties[${name}]`, isResource: child['x-kubernetes-embedded-resource'] === true }, found)
  }
  const { additionalProperties: values, items } = schema
  if (typeof values === 'object') visit(values, type?.item, { ...place, path: `${place.path}.additionalProperties`, isResource: values['x-kubernetes-embedded-resource'] === true, cardinality: times(schema.maxProperties) }, found)
  if (items) {
    const uncorrelatable = place.uncorrelatable ?? (schema['x-kubernetes-list-type'] === 'map' ? undefined : place.path)
    visit(items, type?.item, { path: `${place.path}.items`, isResource: items['x-kubernetes-embedded-resource'] === true, cardinality: times(schema.maxItems), uncorrelatable }, found)
  }
  // A default is a value like any other, once the rules themselves are in order.
  if (schema.default !== undefined && found.errors.length === before) found.errors.push(...compileValidationRules(schema, place.isResource)?.run(schema.default, undefined, `${place.path}.default`).errors ?? [])
}

function checkNode(schema: Schema, type: SchemaType | undefined, place: Place, found: Findings): void {
  const at = `${place.path}.x-kubernetes-validations`
  const rules = schema['x-kubernetes-validations'] ?? []
  const before = found.errors.length
  for (const [i, rule] of rules.entries()) checkShape(rule, schema, `${at}[${i}]`, found.errors)
  if (found.errors.length > before || !type) return
  for (const [i, compiled] of compileRules(schema, type).entries()) checkCompiled(compiled, type, place, `${at}[${i}]`, found)
}

const blank = (text: string | undefined) => text !== undefined && text !== '' && text.trim() === ''
const breaksLine = (text: string) => /[\n\r]/.test(text)

function checkShape(rule: ValidationRule, schema: Schema, path: string, errors: FieldError[]): void {
  const message = (rule.message ?? '').trim()
  if (rule.rule.trim() === '') return
  if (blank(rule.message)) errors.push(invalid(`${path}.message`, rule.message, 'must be non-empty if specified'))
  else if (breaksLine(message)) errors.push(invalid(`${path}.message`, rule.message, 'must not contain line breaks'))
  else if (breaksLine(rule.rule.trim()) && message === '') errors.push(required(`${path}.message`, 'message must be specified if rule contains line breaks'))
  if (blank(rule.messageExpression)) errors.push(required(`${path}.messageExpression`, 'must be non-empty if specified'))
  if (rule.reason !== undefined && !reasons.includes(rule.reason)) errors.push(notSupported(`${path}.reason`, rule.reason, reasons))
  if (blank(rule.fieldPath)) errors.push(invalid(`${path}.fieldPath`, rule.fieldPath, 'must be non-empty if specified'))
  if (breaksLine(rule.fieldPath ?? '')) errors.push(invalid(`${path}.fieldPath`, rule.fieldPath, 'must not contain line breaks'))
  if (rule.fieldPath !== undefined && rule.fieldPath !== '' && normalizeFieldPath(rule.fieldPath, schema) === undefined) errors.push(invalid(`${path}.fieldPath`, rule.fieldPath, 'must be a valid path'))
}

function checkCompiled(compiled: CompiledRule, type: SchemaType, place: Place, path: string, { errors, costs }: Findings): void {
  const { rule, error, messageError, program, message, usesOldSelf } = compiled
  const times = place.cardinality ?? Math.floor(maxRequestBytes / (type.minBytes + 1))
  const size = (steps: readonly string[]) => sizeAt(type, steps)
  if (program) {
    const cost = estimateCost(program, size).max * times
    if (cost > ruleLimit) errors.push(forbidden(`${path}.rule`, tooExpensive('estimated rule cost', cost, ruleLimit)))
    costs.push({ path: `${path}.rule`, cost })
  }
  if (error !== undefined) errors.push(invalid(`${path}.rule`, shown(rule), error))
  if (messageError !== undefined) errors.push(invalid(`${path}.messageExpression`, shown(rule), messageError))
  if (message) {
    const cost = estimateCost(message, size).max
    if (cost > ruleLimit) errors.push(forbidden(`${path}.messageExpression`, tooExpensive('estimated messageExpression cost', cost, ruleLimit)))
    costs.push({ path: `${path}.messageExpression`, cost })
  }
  if (error !== undefined) return
  if (usesOldSelf && place.uncorrelatable !== undefined) errors.push(invalid(`${path}.rule`, rule.rule, `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelatable}`))
  if (!usesOldSelf && rule.optionalOldSelf !== undefined) errors.push(invalid(`${path}.optionalOldSelf`, rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'))
}

/** A rule as upstream's messages quote it. */
function shown(rule: ValidationRule): object {
  return { Rule: rule.rule, Message: rule.message ?? '', MessageExpression: rule.messageExpression ?? '', Reason: rule.reason ?? null, FieldPath: rule.fieldPath ?? '', OptionalOldSelf: rule.optionalOldSelf ?? null }
}

/** The most elements or characters of the value that `self.a.b` and the like lead to; 0 where that means nothing, as for numbers. */
function sizeAt(root: SchemaType, steps: readonly string[]): number | undefined {
  let at: SchemaType | undefined = root
  for (const step of steps.slice(1)) {
    // The reference implementation knows no length of keys, and counts none.
    if (step === '@keys') return 0
    at = step === '@items' || step === '@values' ? at?.item : at?.field?.(step)
    if (!at) return undefined
  }
  return at.maxElements ?? 0
}

function tooExpensive(what: string, cost: number, limit: number): string {
  const factor = cost / limit
  const text = factor > 100 ? 'more than 100x' : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`
  return `${what} exceeds budget by factor of ${text} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`
}
