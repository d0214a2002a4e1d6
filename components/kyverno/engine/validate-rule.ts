import { CodedError, messageOf } from '@idp/kit'
import { matchesLabelSelector, type LabelSelector } from '@idp/formats'
import type { PolicyObject, Rule } from '../kinds/policy.ts'
import { conditionsTest, type ConditionsTest } from './conditions.ts'
import { requestScope, withContext, type ContextSource, type Request } from './context.ts'
import { exemptedControls, isExcepted, type PolicyException } from './exceptions.ts'
import { judgeOf, type Judge, type Judging } from './judge.ts'
import { ruleTest, type SubjectTest } from './match-resource.ts'
import { chain, type MaybePromise } from './maybe-promise.ts'
import { neededContext } from './needed-context.ts'
import type { Scope } from './variables.ts'
import type { Judgement, Verdict } from './verdict.ts'
import { wildcardTest } from './wildcard.ts'

/** What one rule says of one resource. */
export interface RuleResult {
  readonly policy: string
  readonly rule: string
  readonly verdict: Verdict
  readonly message: string
  /** True when a failure refuses the request; otherwise it is only reported. */
  readonly enforced: boolean
}

/** What a rule is judged with. */
export interface JudgeOptions { readonly source: ContextSource; readonly exceptions?: readonly PolicyException[] }

/** A validate rule that has been read. Flat, since hundreds of them are gone through for one request. */
export interface RuleCheck {
  readonly judge: Judge
  readonly passed: Judgement
  /** What is reported when the rule passes, where that is the same for every resource. */
  readonly pass: RuleResult | undefined
  /** True for a rule without variables and preconditions of its own. */
  readonly bare: boolean
  readonly policy: PolicyObject
  readonly rule: Rule
  readonly isEnforced: boolean | ((request: Request) => boolean)
  readonly holds: ConditionsTest | undefined
}

/** Validate rules in their order, with what says whether they are about a resource: equal tests are made once. */
export interface CheckList { readonly checks: readonly RuleCheck[]; readonly tests: readonly SubjectTest[]; readonly testAt: readonly number[] }

/** Reads validate rules. */
export function checkListOf(rules: readonly { readonly policy: PolicyObject; readonly rule: Rule }[]): CheckList {
  const numbers = new Map<SubjectTest, number>()
  const testAt = rules.map(({ rule }) => {
    const test = ruleTest(rule)
    const number = numbers.get(test) ?? numbers.size
    numbers.set(test, number)
    return number
  })
  return { checks: rules.map(({ policy, rule }) => compileCheck(policy, rule)), tests: [...numbers.keys()], testAt }
}

function compileCheck(policy: PolicyObject, rule: Rule): RuleCheck {
  const isEnforced = enforcement(policy, rule)
  const passed: Judgement = { verdict: 'pass', message: `validation rule '${rule.name}' passed.` }
  return {
    policy, rule, passed, isEnforced, judge: judgeOf({ rule, passed }, rule.validate ?? {}), holds: rule.preconditions === undefined ? undefined : conditionsTest(rule.preconditions),
    bare: rule.preconditions === undefined && (rule.context === undefined || rule.context.length === 0),
    pass: typeof isEnforced === 'boolean' ? { policy: policy.metadata.name ?? '', rule: rule.name, verdict: 'pass', message: passed.message, enforced: isEnforced } : undefined,
  }
}

/** Runs checks on one request, one after the other: at once but for rules that ask somebody (a ConfigMap, an API call). Rules that are not about the resource, or say nothing of it, give nothing. Never throws. */
export async function runChecks({ checks, tests, testAt }: CheckList, request: Request, { source, exceptions = [] }: JudgeOptions): Promise<RuleResult[]> {
  const results: RuleResult[] = []
  if (checks.length === 0) return results
  const at: Judging = { request, source, scope: requestScope(request), level: 0 }
  const about = tests.map((test) => test(request))
  let done: PolicyObject | undefined
  for (let index = 0; index < checks.length; index++) {
    if (about[testAt[index] ?? 0] !== true) continue
    const check = checks[index] as RuleCheck
    // `applyRules: One`: the first rule of the policy that says something is the only one.
    if (check.policy === done) continue
    const judged = runCheck(check, at, exceptions)
    const result = judged instanceof Promise ? await judged : judged
    if (result === undefined) continue
    const known = result.verdict === 'fail' && result.enforced && source.given === undefined && mayHaveBeen(check, request) ? await violatedBefore(check, request, { source, exceptions }) : false
    results.push(known ? { ...result, verdict: 'skip', message: 'skipping the rule evaluation as pre-existing violations are allowed' } : result)
    if (check.policy.spec.applyRules === 'One' && result.verdict !== 'skip') done = check.policy
  }
  return results
}

/** Rules that let an update pass which leaves a violation as it was; the default. Test files (values `given` from outside) name no object before the update. */
function mayHaveBeen({ rule: { validate = {} } }: RuleCheck, { operation, oldObject }: Request): boolean {
  return operation === 'UPDATE' && oldObject !== undefined && validate['allowExistingViolations'] !== false && validate['cel'] === undefined && validate['manifests'] === undefined
}

async function violatedBefore(check: RuleCheck, { oldObject, ...request }: Request, { source, exceptions = [] }: JudgeOptions): Promise<boolean> {
  if (oldObject === undefined) return false
  const before: Request = { ...request, object: oldObject, operation: 'CREATE' }
  return ruleTest(check.rule)(before) && (await runCheck(check, { request: before, source, scope: requestScope(before), level: 0 }, exceptions))?.verdict === 'fail'
}

const failed = (error: unknown): Judgement => ({ verdict: 'error', message: messageOf(error) })

function runCheck(check: RuleCheck, at: Judging, exceptions: readonly PolicyException[]): MaybePromise<RuleResult | undefined> {
  const excepted = exceptions.length === 0 ? undefined : isExcepted(exceptions, check.policy, check.rule, at.request)
  if (excepted !== undefined) return resultOf(check, excepted, at.request)
  try {
    if (at.source.expired?.() === true) throw new CodedError({ code: 'TimeLimit', message: 'the time that the request has is over' })
    const own = exceptions.length === 0 || check.rule.validate?.['podSecurity'] === undefined ? at : { ...at, exempted: exemptedControls(exceptions, check.policy, check.rule, at.request) }
    const judged = check.bare && at.source.given === undefined ? check.judge(own) : judgeInScope(check, own)
    return judged instanceof Promise ? judged.catch(failed).then((said) => resultOf(check, said, at.request)) : resultOf(check, judged, at.request)
  } catch (error) {
    return resultOf(check, failed(error), at.request)
  }
}

function resultOf({ policy, rule, passed, pass, isEnforced }: RuleCheck, said: Judgement | undefined, request: Request): RuleResult | undefined {
  if (said === undefined) return undefined
  if (said === passed && pass !== undefined) return pass
  return { policy: policy.metadata.name ?? '', rule: rule.name, enforced: typeof isEnforced === 'boolean' ? isEnforced : isEnforced(request), verdict: said.verdict, message: said.message }
}

const unmet: Judgement = { verdict: 'skip', message: 'preconditions not met' }

/** The variables that the preconditions need, the preconditions, the other variables, then what the rule asks. */
function judgeInScope({ policy, rule, holds, judge }: RuleCheck, at: Judging): MaybePromise<Judgement | undefined> {
  const { early, late } = neededContext(rule)
  return chain(withContext(early, startOf(policy.metadata.name ?? '', rule, at.request, at.source), at.source), (first) =>
    (holds?.(first, 'error') === false ? unmet : chain(withContext(late, first, at.source), (scope) => judge({ ...at, scope }))))
}

/** The variables of a rule for a request: of its context those that it names. */
export function ruleScope(policy: string, rule: Rule, request: Request, source: ContextSource): MaybePromise<Scope> {
  const { early, late } = neededContext(rule)
  return chain(withContext(early, startOf(policy, rule, request, source), source), (first) => withContext(late, first, source))
}

const startOf = (policy: string, rule: Rule, request: Request, source: ContextSource): Scope => (source.given === undefined ? requestScope(request) : requestScope(request, source.given(policy, rule.name, request.object)))

/** Whether a failure refuses the request: the overrides per namespace, then the rule's word, then the policy's. */
function enforcement(policy: PolicyObject, rule: Rule): boolean | ((request: Request) => boolean) {
  const overrides = rule.validate?.failureActionOverrides ?? policy.spec.validationFailureActionOverrides ?? []
  const isEnforce = (action: string): boolean => action.toLowerCase() === 'enforce'
  const usual = isEnforce(rule.validate?.failureAction ?? policy.spec.validationFailureAction ?? 'Audit')
  if (overrides.length === 0) return usual
  return ({ object, namespaceLabels = {} }) => {
    const namespace = (object.kind === 'Namespace' ? object.metadata.name : object.metadata.namespace) ?? ''
    const labels = object.kind === 'Namespace' ? object.metadata.labels ?? {} : namespaceLabels
    const override = overrides.find(({ namespaces, namespaceSelector }) => (namespaces === undefined || namespaces.some((one) => wildcardTest(one)(namespace))) && (namespaceSelector === undefined || matchesLabelSelector(namespaceSelector as LabelSelector, labels)))
    return override === undefined ? usual : isEnforce(override.action)
  }
}
