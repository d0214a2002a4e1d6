import type { Json, JsonObject } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import { authorizerType, compileCel, dynType, kubernetesEnvironment } from '@idp/lang-cel'
import { jmesPath } from '@idp/lang-jmespath'
import { RE2JS } from 're2js'
import type { CleanupPolicyObject } from '../kinds/cleanup-policy.ts'
import type { PolicyObject, Rule } from '../kinds/policy.ts'
import type { NamedExpression, RuleCel } from '../kinds/rule-cel.ts'
import { rulesOf } from './autogen.ts'
import { compileRuleCel } from './cel-judge.ts'
import { knownOperator } from './conditions.ts'
import { nextRun } from './schedule.ts'
import { unsupportedFeatures } from './unsupported.ts'

/** Depth and size beyond which a policy is not looked at: it would cost every request. */
const limits = { depth: 64, rules: 500, text: 65_536 }
const actions = ['validate', 'mutate', 'generate', 'verifyImages'] as const

/** What is wrong with a policy, each with its path: what this engine would not carry out as written, what does not compile. Empty for a good one. */
export function policyProblems(policy: PolicyObject): string[] {
  const rules = policy.spec?.rules ?? []
  if (rules.length === 0) return ['spec.rules: at least one rule is needed']
  if (rules.length > limits.rules) return [`spec.rules: more than ${limits.rules} rules`]
  const problems = [...unsupportedFeatures(policy).map((path) => `spec.${path} is not supported by this engine`), ...matchConditionProblems(policy)]
  const names = new Set<string>()
  for (const [index, rule] of rules.entries()) {
    const at = `spec.rules[${index}]`
    if (names.has(rule.name)) problems.push(`${at}.name: duplicate rule name: '${rule.name}'`)
    names.add(rule.name)
    const found = actions.filter((action) => rule[action] !== undefined)
    if (found.length !== 1) problems.push(`${at}: a rule has exactly one of ${actions.join(', ')}`)
    problems.push(...ruleProblems(rule, at))
  }
  if (problems.length > 0) return problems
  try {
    rulesOf(policy)
    return []
  } catch (error) {
    return [messageOf(error)]
  }
}

/** Why the API server would not take a policy's match conditions: with one bad webhook it would refuse all of them. */
export function matchConditionProblems({ spec }: PolicyObject): string[] {
  const names = new Set<string>()
  return (spec.webhookConfiguration?.matchConditions ?? []).flatMap(({ name, expression }, index) => {
    const at = `spec.webhookConfiguration.matchConditions[${index}]`
    const problems = names.has(name) || !/^[A-Za-z0-9]([-\w./]*[A-Za-z0-9])?$/.test(name) ? [`${at}.name: '${name}' is no name, or not the only one`] : []
    names.add(name)
    try {
      const { type } = compileCel(expression, matchEnvironment())
      if (type.kind !== 'bool' && type.kind !== 'dyn') problems.push(`${at}.expression: must evaluate to bool`)
    } catch (error) {
      problems.push(`${at}.expression: ${messageOf(error)}`)
    }
    return problems
  })
}

const matchEnvironment = () => kubernetesEnvironment({ variables: { object: dynType, oldObject: dynType, request: dynType, authorizer: authorizerType } })

/** What is wrong with a cleanup policy. */
export function cleanupProblems({ spec }: CleanupPolicyObject): string[] {
  const problems: string[] = []
  try {
    nextRun(spec.schedule, 0)
  } catch (error) {
    problems.push(`spec.schedule: ${messageOf(error)}`)
  }
  for (const part of ['context', 'conditions'] as const) walk(spec[part] as unknown as Json | undefined, `spec.${part}`, problems)
  return problems
}

function ruleProblems(rule: Rule, at: string): string[] {
  const problems: string[] = []
  for (const part of ['context', 'preconditions', 'validate', 'mutate', 'generate', 'verifyImages'] as const) walk(rule[part] as Json | undefined, `${at}.${part}`, problems)
  const cel = rule.validate?.['cel'] as RuleCel | undefined
  const conditions = rule['celPreconditions'] as readonly NamedExpression[] | undefined
  if (conditions !== undefined && cel === undefined) problems.push(`${at}.celPreconditions: only a rule with validate.cel has these`)
  if (cel !== undefined) {
    try {
      compileRuleCel(cel, conditions ?? [], '')
    } catch (error) {
      problems.push(`${at}.${messageOf(error)}`)
    }
  }
  return problems
}

/** Looks at every text of a part of a rule. */
function walk(value: Json | undefined, path: string, problems: string[], depth = 0): void {
  if (depth > limits.depth) return void problems.push(`${path}: nested more than ${limits.depth} deep`)
  if (Array.isArray(value)) return value.forEach((item, index) => walk(item, `${path}[${index}]`, problems, depth + 1))
  if (typeof value === 'string') return void textProblems(value, path, problems)
  if (typeof value !== 'object' || value === null) return
  for (const [key, sub] of Object.entries(value)) {
    textProblems(key, path, problems)
    if (path.endsWith('.cel') || key === 'cel') continue
    walk(sub, `${path}.${key}`, problems, depth + 1)
  }
  conditionProblems(value, path, problems)
}

/** An object with key and operator is a condition; `list` and `jmesPath` are expressions without braces. */
function conditionProblems(value: JsonObject, path: string, problems: string[]): void {
  if ('key' in value && typeof value['operator'] === 'string' && /(conditions|preconditions|any|all)(\.any|\.all)?\[\d+\]$/.test(path) && !knownOperator(value['operator'])) problems.push(`${path}.operator: '${value['operator']}' is not an operator of conditions`)
  const bare = /\.foreach\[\d+\]$/.test(path) ? value['list'] : value['jmesPath']
  if (typeof bare === 'string' && !bare.includes('{{')) compiles(bare, `${path}.${bare === value['list'] ? 'list' : 'jmesPath'}`, problems)
}

function textProblems(text: string, path: string, problems: string[]): void {
  if (text.length > limits.text) return void problems.push(`${path}: longer than ${limits.text} characters`)
  for (const [, expression = ''] of text.replaceAll('\\{{', '').matchAll(/\{\{((?:[^{}]|\{[^{}]*\})*)\}\}/g)) {
    // `{{ @ }}` is a place; an expression with variables inside is known only when they are.
    if (expression.trim() !== '@' && !expression.includes('{{')) compiles(expression.trim(), path, problems)
  }
}

function compiles(expression: string, path: string, problems: string[]): void {
  try {
    jmesPath(expression)
    for (const [, pattern = ''] of expression.matchAll(/regex_(?:match|replace_all(?:_literal)?)\(\s*'((?:[^'\\]|\\.)*)'/g)) RE2JS.compile(pattern)
  } catch (error) {
    const why = error instanceof CodedError ? error.message : `the regular expression is not RE2's: ${messageOf(error)}`
    problems.push(`${path}: ${why}: ${expression}`)
  }
}
