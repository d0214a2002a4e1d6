import { deepEqual, type AnyObject, type Json } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import type { ContextEntry, Mutation, PolicyObject, Rule, Validation } from '../kinds/policy.ts'
import { rulesOf } from './autogen.ts'
import { conditionsHold } from './conditions.ts'
import { requestScope, withContext, type ContextSource, type Request } from './context.ts'
import { isExcepted, type PolicyException } from './exceptions.ts'
import { eachElement, type Foreach } from './foreach.ts'
import { judgePodSecurity, type PodSecurityRule } from './judge-pod-security.ts'
import { matchPattern } from './match-pattern.ts'
import { ruleMatches } from './match-resource.ts'
import { mutateObject } from './mutate.ts'
import { substitute, type Scope } from './variables.ts'

import type { Judgement, Verdict } from './verdict.ts'

export type { Verdict } from './verdict.ts'

/** What one rule says of one resource. */
export interface RuleResult {
  readonly policy: string
  readonly rule: string
  readonly verdict: Verdict
  readonly message: string
  /** True when a failure refuses the request; otherwise it is only reported. */
  readonly enforced: boolean
}

export type { ContextSource, Request } from './context.ts'

/** Fields of a rule this engine does not evaluate; a policy with one is refused by name at admission. */
const unsupported: Readonly<Record<'rule' | 'validate' | 'mutate', readonly string[]>> = {
  rule: ['verifyImages', 'celPreconditions'], validate: ['cel', 'manifests', 'assert'], mutate: ['targets'],
}

/** Names of the features in a policy that are not there, e.g. `rules[0].validate.cel`; empty when all are. */
export function unsupportedFeatures(policy: PolicyObject): string[] {
  return policy.spec.rules.flatMap((rule, index) => [...(Object.keys(unsupported) as (keyof typeof unsupported)[]).flatMap((part) => {
    const fields = (part === 'rule' ? rule : rule[part]) as Readonly<Record<string, unknown>> | undefined
    const at = part === 'rule' ? `rules[${index}]` : `rules[${index}].${part}`
    return unsupported[part].filter((name) => fields?.[name] !== undefined).map((name) => `${at}.${name}`)
  }), ...(rule.context ?? []).flatMap((entry, at) => unsupportedContext(entry).map((name) => `rules[${index}].context[${at}].${name}`))])
}

function unsupportedContext(entry: ContextEntry): string[] {
  return [...['imageRegistry', 'globalReference'].filter((name) => entry[name] !== undefined), ...(entry.apiCall?.service === undefined ? [] : ['apiCall.service'])]
}

/** Runs the validate rules of a policy on a resource, those derived for pod controllers included. Rules that are not about the resource give nothing. */
export async function validateResource(policy: PolicyObject, request: Request, source: ContextSource, exceptions: readonly PolicyException[] = []): Promise<RuleResult[]> {
  const results: RuleResult[] = []
  for (const rule of rulesOf(policy)) {
    if (rule.validate === undefined || !ruleMatches(rule, request)) continue
    const name = policy.metadata.name ?? ''
    const judged = isExcepted(exceptions, policy, rule, request) ?? (await runValidate(name, rule, request, source))
    if (judged !== undefined) results.push({ policy: name, rule: rule.name, enforced: isEnforced(policy, rule, request), ...judged })
  }
  return results
}

async function runValidate(policy: string, rule: Rule, request: Request, source: ContextSource): Promise<Judgement | undefined> {
  try {
    const scope = await ruleScope(policy, rule, request, source)
    if (!conditionsHold(rule.preconditions, scope, 'null')) return { verdict: 'skip', message: 'preconditions not met' }
    return await judge({ rule, source, level: 0 }, rule.validate ?? {}, scope, request)
  } catch (error) {
    return { verdict: 'error', message: messageOf(error) }
  }
}

async function ruleScope(policy: string, rule: Rule, request: Request, source: ContextSource): Promise<Scope> {
  return withContext(rule.context ?? [], requestScope(request, source.given?.(policy, rule.name, request.object)), source)
}

interface Judging { readonly rule: Rule; readonly source: ContextSource; readonly level: number }

/** What is asked (`pattern`, `anyPattern`, `deny`, `foreach`, `podSecurity`) of the resource, or of one element of a list. */
async function judge(at: Judging, asked: Validation | Foreach, scope: Scope, request: Request): Promise<Judgement | undefined> {
  const { rule } = at
  const passed: Judgement = { verdict: 'pass', message: `validation rule '${rule.name}' passed.` }
  const { deny, foreach, podSecurity } = asked as Validation
  if (deny !== undefined) return conditionsHold(deny.conditions, scope, 'null') ? { verdict: 'fail', message: said(rule, scope) || `validation error: rule ${rule.name} failed` } : passed
  if (foreach !== undefined) return judgeElements(at, foreach as readonly Foreach[], scope, request)
  if (podSecurity !== undefined) return judgePodSecurity(rule, podSecurity as PodSecurityRule, request.object, said(rule, scope))
  const missing = unsupported.validate.find((name) => (asked as Validation)[name] !== undefined)
  if (missing !== undefined) throw new CodedError({ code: 'Unsupported', message: `unsupported: validate.${missing} is not supported by this engine`, where: rule.name })
  const { pattern, anyPattern } = asked as Validation
  if (pattern === undefined && anyPattern === undefined) return undefined
  if (request.operation === 'DELETE' && at.level === 0) return undefined
  const value = at.level > 0 && (asked as Foreach).elementScope !== false && typeof scope['element'] === 'object' ? scope['element'] ?? null : request.object as unknown as Json
  const options = (pattern !== undefined ? [pattern] : anyPattern ?? []).map((one) => matchPattern(substitute(one, scope), value))
  if (options.some((result) => result.type === 'pass')) return passed
  const skipped = options.find((result) => result.type === 'skip')
  if (skipped !== undefined && options.every((result) => result.type === 'skip')) return { verdict: 'skip', message: skipped.type === 'skip' ? skipped.message : '' }
  const paths = options.flatMap((result) => (result.type === 'fail' ? [`rule ${rule.name} failed at path ${result.path}`] : []))
  const text = said(rule, scope)
  return { verdict: 'fail', message: text === '' ? `validation error: ${paths.join(', ')}` : `validation error: ${text}${text.endsWith('.') ? '' : '.'} ${paths.join(', ')}` }
}

/** The rule's message; a variable in it that has no value must not hide the verdict. */
function said(rule: Rule, scope: Scope): string {
  return String(substitute((rule.validate?.message ?? '') as Json, scope, { missing: 'null' }))
}

/** The first element that fails decides; a rule whose lists are all empty says nothing. */
async function judgeElements(at: Judging, entries: readonly Foreach[], scope: Scope, request: Request): Promise<Judgement | undefined> {
  let applied = 0
  for (const entry of entries) {
    const stopped = await eachElement(entry, scope, at, async (inner) => {
      const result = await judge({ ...at, level: at.level + 1 }, entry, inner, request)
      if (result === undefined || result.verdict === 'skip') return undefined
      if (result.verdict !== 'pass') return { verdict: result.verdict, message: `validation failure: ${result.message}` }
      applied++
      return undefined
    })
    if (stopped !== undefined) return stopped
  }
  return applied === 0 ? undefined : { verdict: 'pass', message: 'rule passed' }
}

function isEnforced(policy: PolicyObject, rule: Rule, { object }: Request): boolean {
  const namespace = object.kind === 'Namespace' ? object.metadata.name : object.metadata.namespace
  const overrides = rule.validate?.failureActionOverrides ?? policy.spec.validationFailureActionOverrides ?? []
  const override = overrides.find(({ namespaces }) => namespaces === undefined || namespaces.includes(namespace ?? ''))
  return (override?.action ?? rule.validate?.failureAction ?? policy.spec.validationFailureAction ?? 'Audit').toLowerCase() === 'enforce'
}

/** One mutate rule's outcome. */
export interface MutationResult extends Judgement { readonly rule: string; readonly object: AnyObject }

/** Applies the mutate rules of a policy, each to what the one before made, and says what became of each; rules about existing resources (`targets`) are not run here. */
export async function mutationResults(policy: PolicyObject, request: Request, source: ContextSource, exceptions: readonly PolicyException[] = []): Promise<MutationResult[]> {
  let object = request.object
  const results: MutationResult[] = []
  for (const rule of rulesOf(policy)) {
    if (rule.mutate === undefined || rule.mutate['targets'] !== undefined || !ruleMatches(rule, { ...request, object })) continue
    const excepted = isExcepted(exceptions, policy, rule, request)
    const { changed, ...judged } = excepted === undefined ? await runMutate(policy.metadata.name ?? '', rule, { ...request, object }, source) : { ...excepted, changed: object }
    object = changed
    results.push({ rule: rule.name, object, ...judged })
  }
  return results
}

async function runMutate(policy: string, rule: Rule, request: Request, source: ContextSource): Promise<Judgement & { readonly changed: AnyObject }> {
  const { object } = request
  try {
    const scope = await ruleScope(policy, rule, request, source)
    if (!conditionsHold(rule.preconditions, scope, 'null')) return { verdict: 'skip', message: 'preconditions not met', changed: object }
    const { foreach, ...mutation } = rule.mutate ?? {}
    const changed = foreach === undefined ? mutateObject(mutation, object, scope) : await mutateElements(foreach as readonly Foreach[], { object, scope, source, level: 0 })
    return deepEqual(changed as unknown as Json, object as unknown as Json) ? { verdict: 'skip', message: 'no patches applied', changed: object } : { verdict: 'pass', message: 'mutated resource', changed }
  } catch (error) {
    return { verdict: 'error', message: messageOf(error), changed: object }
  }
}

interface Mutating { readonly object: AnyObject; readonly scope: Scope; readonly source: ContextSource; readonly level: number }

async function mutateElements(entries: readonly Foreach[], { object, scope, source, level }: Mutating): Promise<AnyObject> {
  let result = object
  for (const entry of entries) {
    // JSON patches may remove elements by index: from the last to the first, unless told otherwise.
    const order = entry.order ?? (entry['patchesJson6902'] === undefined ? 'Ascending' : 'Descending')
    await eachElement({ ...entry, order }, scope, { source, level }, async (inner) => {
      result = entry.foreach === undefined ? mutateObject(entry as Mutation, result, inner) : await mutateElements(entry.foreach, { object: result, scope: inner, source, level: level + 1 })
      return undefined
    })
  }
  return result
}

/** Applies the mutate rules of a policy, each to what the one before made; gives the object and the rules that changed it. Throws CodedError `MutationFailed` when a rule fails. */
export async function mutateResource(policy: PolicyObject, request: Request, source: ContextSource, exceptions: readonly PolicyException[] = []): Promise<{ object: AnyObject; rules: readonly string[] }> {
  const results = await mutationResults(policy, request, source, exceptions)
  const failed = results.find(({ verdict }) => verdict === 'error')
  if (failed !== undefined) throw new CodedError({ code: 'MutationFailed', message: `${failed.rule}: ${failed.message}`, where: policy.metadata.name ?? '' })
  return { object: results.at(-1)?.object ?? request.object, rules: results.filter(({ verdict }) => verdict === 'pass').map(({ rule }) => rule) }
}
