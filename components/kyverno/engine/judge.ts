import type { Json } from '@idp/formats'
import { CodedError } from '@idp/kit'
import type { Rule, Validation } from '../kinds/policy.ts'
import { assertionProblems } from './assertion-tree.ts'
import { celJudge } from './cel-judge.ts'
import { conditionsTest } from './conditions.ts'
import type { ContextSource, Request } from './context.ts'
import { eachElement, type Foreach } from './foreach.ts'
import type { TrustOptions } from './images/attestors.ts'
import { manifestProblem, type ManifestsRule } from './manifests.ts'
import { judgePodSecurity, type ControlExclusion, type PodSecurityRule } from './judge-pod-security.ts'
import { compilePattern, matchPattern, type PatternResult } from './match-pattern.ts'
import { chain, firstResult, type MaybePromise } from './maybe-promise.ts'
import { hasVariables, substitute, type Scope } from './variables.ts'
import type { Judgement } from './verdict.ts'

/** What is judged, with what may be asked meanwhile; `level` counts the lists (`foreach`) around; `exempted` are the pod security controls that exceptions let through. */
export interface Judging { readonly scope: Scope; readonly request: Request; readonly source: ContextSource; readonly level: number; readonly exempted?: readonly ControlExclusion[] }

/** A `validate` that has been read. Undefined where it says nothing of a resource. Throws for what cannot be evaluated. */
export type Judge = (at: Judging) => MaybePromise<Judgement | undefined>

/** The rule a judge speaks for, and what it says when all is well. */
export interface JudgedRule { readonly rule: Rule; readonly passed: Judgement }

/** Reads what is asked (`pattern`, `anyPattern`, `deny`, `foreach`, `podSecurity`) of the resource, or of one element of a list. */
export function judgeOf(of: JudgedRule, asked: Validation | Foreach): Judge {
  const { rule, passed } = of
  const { deny, foreach, podSecurity, pattern, anyPattern } = asked as Validation
  if (deny !== undefined) {
    const denied = conditionsTest(deny.conditions)
    return ({ scope }) => (denied(scope, 'null') ? { verdict: 'fail', message: said(rule, scope) || `validation error: rule ${rule.name} failed` } : passed)
  }
  if (foreach !== undefined) return elementsJudge(of, foreach as readonly Foreach[])
  if (podSecurity !== undefined) return ({ scope, request, exempted }) => judgePodSecurity(rule, podSecurity as PodSecurityRule, request.object, { message: said(rule, scope), exempted })
  if ((asked as Validation)['cel'] !== undefined) return celJudge(of)
  if ((asked as Validation)['manifests'] !== undefined) {
    const manifests = (asked as Validation)['manifests'] as ManifestsRule
    return async ({ request, scope, source }) => {
      if (request.operation === 'DELETE') return undefined
      const problem = await manifestProblem(manifests, request.object, source.trust ?? noTrust)
      return problem === undefined ? passed : { verdict: 'fail', message: [said(rule, scope), problem].filter((text) => text !== '').join(': ') }
    }
  }
  const tree = (asked as Validation)['assert'] as Json | undefined
  if (tree !== undefined) {
    return ({ request, scope }) => {
      if (request.operation === 'DELETE') return undefined
      const problems = assertionProblems(tree, request.object as unknown as Json)
      return problems.length === 0 ? passed : { verdict: 'fail', message: [said(rule, scope), problems.join('; ')].filter((text) => text !== '').join(': ') }
    }
  }
  if (pattern === undefined && anyPattern === undefined) return () => undefined
  return patternsJudge(of, asked as Foreach, pattern !== undefined ? [pattern] : anyPattern ?? [])
}

/** Without a cluster there are no Secrets with keys, and no time that a certificate could be valid at. */
const noTrust: TrustOptions = { now: Number.NaN, secretKey: async (namespace, name) => { throw new CodedError({ code: 'ContextFailed', message: `Secret ${namespace}/${name} cannot be read here` }) } }

function patternsJudge({ rule, passed }: JudgedRule, { elementScope }: Foreach, patterns: readonly Json[]): Judge {
  const matchers = patterns.map((pattern): ((value: Json, scope: Scope) => PatternResult) => {
    if (hasVariables(pattern)) return (value, scope) => matchPattern(substitute(pattern, scope), value)
    return compilePattern(pattern)
  })
  const [only] = matchers
  return ({ scope, request, level }) => {
    if (request.operation === 'DELETE' && level === 0) return undefined
    const value = level > 0 && elementScope !== false && typeof scope['element'] === 'object' ? scope['element'] : request.object as unknown as Json
    if (matchers.length === 1 && only !== undefined) {
      const result = only(value, scope)
      return result.type === 'pass' ? passed : mismatch(rule, [result], scope)
    }
    const options: PatternResult[] = []
    for (const matches of matchers) {
      const result = matches(value, scope)
      if (result.type === 'pass') return passed
      options.push(result)
    }
    return mismatch(rule, options, scope)
  }
}

function mismatch(rule: Rule, options: readonly PatternResult[], scope: Scope): Judgement {
  const [skipped] = options
  if (skipped?.type === 'skip' && options.every((result) => result.type === 'skip')) return { verdict: 'skip', message: skipped.message }
  const paths = options.flatMap((result) => (result.type === 'fail' ? [`rule ${rule.name} failed at path ${result.path}`] : []))
  const text = said(rule, scope)
  return { verdict: 'fail', message: text === '' ? `validation error: ${paths.join(', ')}` : `validation error: ${text}${text.endsWith('.') ? '' : '.'} ${paths.join(', ')}` }
}

/** The rule's message; a variable in it that has no value must not hide the verdict. */
function said(rule: Rule, scope: Scope): string {
  return String(substitute((rule.validate?.message ?? '') as Json, scope, { missing: 'null' }))
}

/** The first element that fails decides; a rule whose lists are all empty says nothing. */
function elementsJudge(of: JudgedRule, entries: readonly Foreach[]): Judge {
  const judges = entries.map((entry) => ({ entry, judge: judgeOf(of, entry) }))
  return ({ scope, request, source, level }) => {
    let applied = 0
    const stopped = firstResult(judges.length, (index) => {
      const one = judges[index]
      return one && eachElement(one.entry, scope, { source, level }, (inner, element) => {
        if (one.entry.elementScope === true && (typeof element !== 'object' || Array.isArray(element))) throw new CodedError({ code: 'InvalidElement', message: 'cannot use elementScope=true foreach rules for elements that are not maps' })
        return chain(one.judge({ scope: inner, request, source, level: level + 1 }), (result): Judgement | undefined => {
        if (result === undefined || result.verdict === 'skip') return undefined
        if (result.verdict !== 'pass') return { verdict: result.verdict, message: `validation failure: ${result.message}` }
        applied++
        return undefined
        })
      })
    })
    return chain(stopped, (found) => found ?? (applied === 0 ? undefined : { verdict: 'pass', message: 'rule passed' }))
  }
}
