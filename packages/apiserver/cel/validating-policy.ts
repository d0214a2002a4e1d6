import type { ValidatingAdmissionPolicy } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { boolType, type CelType, type CelValue, nullType, stringType } from '@idp/lang-cel'
import {
  admissionEnvironment, type Bindings, bindVariables, type Budget, compileExpression, compileVariables, evaluateExpression, type Expression, matchesAll, type NamedVariables, OutOfBudget, requestBudget,
} from './admission-expressions.ts'

type Spec = ValidatingAdmissionPolicy['spec']
type Validation = NonNullable<Spec['validations']>[number]

/** A ValidatingAdmissionPolicy whose expressions are compiled; those that do not compile say so when they run. */
export interface CompiledPolicy {
  readonly fails: boolean
  readonly variables: NamedVariables
  readonly conditions: readonly Expression[]
  readonly validations: readonly { readonly rule: Validation; readonly expression: Expression; readonly message: Expression | undefined }[]
  readonly annotations: readonly { readonly key: string; readonly expression: Expression }[]
}

/** Against what the expressions are checked, where it is known; anything else is `dyn`. */
export interface CheckedAgainst { readonly object?: CelType; readonly paramsType?: CelType }

export function compilePolicy(spec: Spec, against: CheckedAgainst = {}): CompiledPolicy {
  const params = spec.paramKind !== undefined && spec.paramKind !== null
  const scope = { ...against, params, authorizer: true }
  const conditionEnvironment = admissionEnvironment(scope)
  const variables = compileVariables(spec.variables ?? [], scope)
  const environment = admissionEnvironment({ ...scope, variables })
  const messageEnvironment = admissionEnvironment({ ...scope, authorizer: false, variables })
  return {
    fails: spec.failurePolicy !== 'Ignore', variables,
    conditions: (spec.matchConditions ?? []).map(({ expression = '' }) => compileExpression(expression, conditionEnvironment, boolType)),
    validations: (spec.validations ?? []).map((rule) => ({
      rule, expression: compileExpression(rule.expression ?? '', environment, boolType),
      message: (rule.messageExpression ?? '') === '' ? undefined : compileExpression(rule.messageExpression ?? '', messageEnvironment, stringType),
    })),
    annotations: (spec.auditAnnotations ?? []).map(({ key, valueExpression }) => ({ key, expression: compileExpression(valueExpression, environment, stringType, nullType) })),
  }
}

/** One thing that a policy has against a request. */
export interface PolicyFinding {
  readonly message: string
  readonly reason?: string
  /** Which of the validations. */
  readonly index: number
}

export interface PolicyResult {
  readonly findings: readonly PolicyFinding[]
  /** Audit annotations by the key that the policy gives them. */
  readonly annotations: ReadonlyMap<string, string>
  /** What an audit annotation failed with, when the policy is to fail then. */
  readonly annotationErrors: readonly string[]
}

const nothing: PolicyResult = { findings: [], annotations: new Map(), annotationErrors: [] }

/** Runs a policy on one request with one parameter object. */
export function runPolicy(policy: CompiledPolicy, request: Bindings, param: AnyObject | undefined): PolicyResult {
  const budget = requestBudget()
  const bindings: Bindings = { ...request, params: (param ?? null) as CelValue }
  const failed = (message: string): PolicyResult => policy.fails ? { ...nothing, findings: [{ message, index: 0 }] } : nothing
  try {
    const matched = matchesAll(policy.conditions, bindings, budget)
    if ('error' in matched) return failed(matched.error)
    if (!matched.matches) return nothing
    const all = bindVariables(policy.variables, bindings, budget)
    return { findings: findingsOf(policy, all, budget), ...annotationsOf(policy, all, requestBudget()) }
  } catch (error) {
    if (error instanceof OutOfBudget) return failed(error.message)
    throw error
  }
}

function findingsOf(policy: CompiledPolicy, bindings: Bindings, budget: Budget): PolicyFinding[] {
  const results = policy.validations.map(({ expression }) => evaluateExpression(expression, bindings, budget))
  return policy.validations.flatMap(({ rule, message }, index): PolicyFinding[] => {
    const result = results[index]
    if (!result || ('value' in result && result.value === true)) return []
    if ('error' in result) return policy.fails ? [{ message: result.error, index }] : []
    return [{ message: messageOf(rule, message, bindings, budget), reason: rule.reason ?? 'Invalid', index }]
  })
}

const longestMessage = 5 * 1024

function messageOf(rule: Validation, message: Expression | undefined, bindings: Bindings, budget: Budget): string {
  const result = message && evaluateExpression(message, bindings, budget)
  if (result && 'value' in result && typeof result.value === 'string') {
    const text = result.value.trim()
    if (text !== '' && !text.includes('\n') && Buffer.byteLength(text) <= longestMessage) return text
  }
  return (rule.message ?? '') === '' ? `failed expression: ${(rule.expression ?? '').trim()}` : (rule.message ?? '').trim()
}

const longestAnnotation = 10 * 1024

function annotationsOf(policy: CompiledPolicy, bindings: Bindings, budget: Budget): Pick<PolicyResult, 'annotations' | 'annotationErrors'> {
  const annotations = new Map<string, string>()
  const errors: string[] = []
  for (const { key, expression } of policy.annotations) {
    const result = evaluateExpression(expression, bindings, budget)
    if ('error' in result) errors.push(result.error)
    else if (typeof result.value === 'string' && result.value.trim() !== '') annotations.set(key, result.value.trim().slice(0, longestAnnotation))
  }
  return { annotations, annotationErrors: policy.fails ? errors : [] }
}

/** Every expression of a policy that does not compile, by its field. */
export function policyErrors(policy: CompiledPolicy): { readonly field: string; readonly text: string; readonly error: string }[] {
  const found: { field: string; text: string; error: string }[] = []
  const add = (field: string, expression: Expression | undefined) => {
    if (expression?.error !== undefined) found.push({ field, text: expression.text, error: expression.error })
  }
  policy.conditions.forEach((expression, i) => add(`spec.matchConditions[${i}].expression`, expression))
  ;[...policy.variables.expressions.values()].forEach((expression, i) => add(`spec.variables[${i}].expression`, expression))
  policy.validations.forEach(({ expression, message }, i) => {
    add(`spec.validations[${i}].expression`, expression)
    add(`spec.validations[${i}].messageExpression`, message)
  })
  policy.annotations.forEach(({ expression }, i) => add(`spec.auditAnnotations[${i}].valueExpression`, expression))
  return found
}

