import { applyJsonPatch, type AnyObject, type JsonObject, type JsonPatchOperation } from '@idp/formats'
import type { Schema } from '@idp/api'
import { boolType, celToJson, type CelField, type CelType, type CelValue, dynType, isMap, jsonPatchLibrary, listType, madeAs, mapEntries, mapGet, objectType, stringType } from '@idp/lang-cel'
import { messageOf } from '@idp/kit'
import { mergeObjects } from '../apply/merge-objects.ts'
import { structureOf } from '../apply/merge-structure.ts'
import { fieldSchema, itemSchema } from '../schema/resolve-schema.ts'
import { admissionEnvironment, type Bindings, bindVariables, compileExpression, compileVariables, evaluateExpression, type Expression, matchesAll, type NamedVariables, OutOfBudget, requestBudget } from './admission-expressions.ts'
import type { ParamKind } from './policy-params.ts'
import type { PolicyMatch } from './policy-match.ts'

/** `spec` of a MutatingAdmissionPolicy (admissionregistration.k8s.io/v1beta1). */
export interface MutatingPolicySpec {
  readonly paramKind?: ParamKind
  readonly matchConstraints?: PolicyMatch
  readonly variables?: readonly { readonly name?: string; readonly expression?: string }[]
  readonly mutations?: readonly { readonly patchType?: string; readonly applyConfiguration?: { readonly expression?: string }; readonly jsonPatch?: { readonly expression?: string } }[]
  readonly failurePolicy?: string
  readonly matchConditions?: readonly { readonly name?: string; readonly expression?: string }[]
  readonly reinvocationPolicy?: string
}

export interface CompiledMutatingPolicy {
  readonly fails: boolean
  readonly variables: NamedVariables
  readonly conditions: readonly Expression[]
  readonly mutations: readonly { readonly kind: 'ApplyConfiguration' | 'JSONPatch'; readonly expression: Expression }[]
}

/** `Object`, `Object.spec`, `Object.spec.template` …: what a mutation makes objects of. Their fields are not known here: each may be anything, or the object type of its path. */
function applyType(name: string): CelType {
  return objectType(name, (): CelField => ({ type: dynType }))
}

const patchFields: Readonly<Record<string, CelType>> = { op: stringType, path: stringType, from: stringType, value: dynType }
const patchType = objectType('JSONPatch', (name) => Object.hasOwn(patchFields, name) ? { type: patchFields[name] ?? dynType } : undefined)

function findType(name: string): CelType | undefined {
  if (name === 'JSONPatch') return patchType
  return name === 'Object' || name.startsWith('Object.') ? applyType(name) : undefined
}

export function compileMutatingPolicy(spec: MutatingPolicySpec): CompiledMutatingPolicy {
  const scope = { params: spec.paramKind !== undefined && spec.paramKind !== null, authorizer: true, libraries: [jsonPatchLibrary], findType }
  const variables = compileVariables(spec.variables ?? [], scope)
  const environment = admissionEnvironment({ ...scope, variables })
  const conditions = admissionEnvironment({ params: scope.params, authorizer: true })
  return {
    fails: spec.failurePolicy !== 'Ignore', variables,
    conditions: (spec.matchConditions ?? []).map(({ expression = '' }) => compileExpression(expression, conditions, boolType)),
    mutations: (spec.mutations ?? []).map(({ patchType: kind, applyConfiguration, jsonPatch }) => kind === 'JSONPatch'
      ? { kind: 'JSONPatch', expression: compileExpression(jsonPatch?.expression ?? '', environment, listType(patchType)) }
      : { kind: 'ApplyConfiguration', expression: compileExpression(applyConfiguration?.expression ?? '', environment, applyType('Object')) }),
  }
}

/** Every expression of a policy that does not compile, by its field. */
export function mutatingPolicyErrors(policy: CompiledMutatingPolicy): { readonly field: string; readonly text: string; readonly error: string }[] {
  const found: { field: string; text: string; error: string }[] = []
  const add = (field: string, { error, text }: Expression) => {
    if (error !== undefined) found.push({ field, text, error })
  }
  policy.conditions.forEach((expression, i) => add(`spec.matchConditions[${i}].expression`, expression))
  ;[...policy.variables.expressions.values()].forEach((expression, i) => add(`spec.variables[${i}].expression`, expression))
  policy.mutations.forEach(({ kind, expression }, i) => add(`spec.mutations[${i}].${kind === 'JSONPatch' ? 'jsonPatch' : 'applyConfiguration'}.expression`, expression))
  return found
}

/** What a policy makes of an object, or what it failed with. */
export type Mutated = { readonly object: AnyObject } | { readonly error: string }

/** Runs the mutations of a policy one after the other, each on what the one before it made. */
export function runMutatingPolicy(policy: CompiledMutatingPolicy, request: Bindings, param: AnyObject | undefined, object: AnyObject, schema: Schema | undefined): Mutated {
  const budget = requestBudget()
  const bindings: Bindings = { ...request, params: (param ?? null) as CelValue }
  try {
    const matched = matchesAll(policy.conditions, bindings, budget)
    if ('error' in matched) return matched
    let current = object
    if (!matched.matches) return { object }
    for (const { kind, expression } of policy.mutations) {
      const own = requestBudget()
      const result = evaluateExpression(expression, bindVariables(policy.variables, { ...bindings, object: current as unknown as CelValue }, own), own)
      if ('error' in result) return result
      const next = kind === 'JSONPatch' ? patched(current, result.value) : applied(current, result.value, schema)
      if ('error' in next) return next
      current = next.object
    }
    return { object: current }
  } catch (error) {
    if (error instanceof OutOfBudget) return { error: error.message }
    throw error
  }
}

/** An object made for a field must be named after it: `Object{spec: Object.spec{…}}`. What is not is a mistake that no type tells. */
function misnamed(value: CelValue, path: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) return (value as readonly CelValue[]).map((item) => misnamed(item, path)).find((found) => found !== undefined)
  const name = madeAs(value)
  if (name !== undefined && name !== path) return `unexpected type name ${JSON.stringify(name)}, expected ${JSON.stringify(path)}, which matches field name path from root Object type`
  if (!isMap(value)) return undefined
  for (const [key, item] of mapEntries(value)) {
    const found = misnamed(item, name === undefined ? path : `${path}.${String(key)}`)
    if (found !== undefined) return found
  }
  return undefined
}

function patched(object: AnyObject, value: CelValue): Mutated {
  for (const operation of value as readonly CelValue[]) {
    const held = operation !== null && isMap(operation) ? mapGet(operation, 'value') : undefined
    const wrong = held === undefined ? undefined : misnamed(held, madeAs(held) ?? '')
    if (wrong !== undefined) return { error: `type mismatch: ${wrong}` }
  }
  const operations = celToJson(value) as unknown as JsonPatchOperation[]
  try {
    return { object: applyJsonPatch(object as unknown as JsonObject, operations) as unknown as AnyObject }
  } catch (error) {
    // A patch whose test fails is not applied, and that is no error.
    if (operations.some(({ op }) => op === 'test') && /test/i.test(messageOf(error))) return { object }
    return { error: `JSON Patch: ${messageOf(error)}` }
  }
}

function applied(object: AnyObject, value: CelValue, schema: Schema | undefined): Mutated {
  const wrong = misnamed(value, 'Object')
  if (wrong !== undefined) return { error: `type mismatch: ${wrong}` }
  const configuration = celToJson(value) as JsonObject
  const atomic = atomicFields(configuration, schema, '')
  if (atomic.length > 0) return { error: `error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomic.join(', ')}` }
  return { object: mergeObjects(object, configuration, schema) as AnyObject }
}

/** Fields that can only be replaced as a whole: an apply configuration must not touch them, for it would remove what it does not name. */
function atomicFields(value: unknown, schema: Schema | undefined, path: string): string[] {
  if (typeof value !== 'object' || value === null) return []
  const structure = structureOf(schema, value)
  if (structure.of === 'leaf') return [path]
  if (Array.isArray(value)) return value.flatMap((item, i) => atomicFields(item, itemSchema(schema), `${path}[${i}]`))
  return Object.entries(value).flatMap(([name, inner]) => atomicFields(inner, fieldSchema(schema, name), `${path}.${name}`))
}
