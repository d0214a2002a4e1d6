import { deepEqual, type AnyObject, type Json } from '@idp/formats'
import { matchesLabelSelector, type LabelSelector } from '@idp/formats'
import { messageOf } from '@idp/kit'
import type { Condition, Conditions, ContextEntry, LabelSelectorLike, PolicyObject, Rule } from '../kinds/policy.ts'
import { rulesOf } from './autogen.ts'
import { conditionsHold } from './conditions.ts'
import { withContext, type Request } from './context.ts'
import type { Foreach } from './foreach.ts'
import type { GenerationSource } from './generate.ts'
import { ruleMatches } from './match-resource.ts'
import { mutateElements } from './mutate-rule.ts'
import { mutateObject } from './mutate.ts'
import { ruleScope } from './validate-rule.ts'
import { substitute, type Scope } from './variables.ts'
import type { Judgement } from './verdict.ts'
import { wildcardTest } from './wildcard.ts'

/** One entry of `mutate.targets`: existing objects that a rule changes. */
interface Target {
  readonly apiVersion?: string; readonly kind?: string; readonly name?: string; readonly namespace?: string; readonly uid?: string; readonly selector?: LabelSelectorLike
  readonly context?: readonly ContextEntry[]; readonly preconditions?: Conditions | readonly Condition[]
}

/** What a rule makes of one existing object. */
export interface TargetResult extends Judgement { readonly rule: string; readonly target: AnyObject; readonly changed: AnyObject }

/** Whether a rule changes existing objects rather than the one of the request. */
export const mutatesExisting = (rule: Rule): boolean => Array.isArray(rule.mutate?.['targets'])

/** What the rules of a policy with `mutate.targets` make of existing objects, when a trigger they are about comes by. Variables see the trigger as `request.object` and the object as `target`. A rule that fails as a whole gives one result about the trigger. */
export async function mutateTargets(policy: PolicyObject, request: Request, source: GenerationSource): Promise<TargetResult[]> {
  const results: TargetResult[] = []
  for (const rule of rulesOf(policy)) {
    if (!mutatesExisting(rule) || !ruleMatches(rule, request)) continue
    try {
      const scope = await ruleScope(policy.metadata.name ?? '', rule, request, source)
      if (!conditionsHold(rule.preconditions, scope, 'error')) continue
      for (const target of (rule.mutate?.['targets'] ?? []) as readonly Target[]) results.push(...(await mutateEach(rule, target, scope, source)))
    } catch (error) {
      results.push({ rule: rule.name, verdict: 'error', message: messageOf(error), target: request.object, changed: request.object })
    }
  }
  return results
}

async function mutateEach(rule: Rule, asked: Target, scope: Scope, source: GenerationSource): Promise<TargetResult[]> {
  const { context = [], preconditions, ...where } = asked
  const { apiVersion = 'v1', kind = '', name, namespace, uid, selector } = substitute(where as unknown as Json, scope) as unknown as Target
  const plain = (text: string | undefined): text is string => text !== undefined && text !== '' && !/[*?]/.test(text)
  const found = await source.find({ apiVersion, kind, ...(plain(name) ? { name } : {}), ...(plain(namespace) ? { namespace } : {}) })
  const meant = found.filter(({ metadata }) => (name === undefined || wildcardTest(name)(metadata.name ?? '')) && (namespace === undefined || wildcardTest(namespace)(metadata.namespace ?? ''))
    && (uid === undefined || uid === metadata.uid) && (selector === undefined || matchesLabelSelector(selector as LabelSelector, metadata.labels ?? {})))
  const results: TargetResult[] = []
  for (const target of meant) {
    try {
      const inner = await withContext(context, { ...scope, target: target as unknown as Json }, source)
      if (!conditionsHold(preconditions, inner, 'null')) continue
      const changed = await mutateTarget(rule, target, inner, source)
      const same = deepEqual(changed as unknown as Json, target as unknown as Json)
      results.push({ rule: rule.name, target, changed, ...(same ? { verdict: 'skip', message: 'no patches applied' } : { verdict: 'pass', message: 'mutated resource' }) })
    } catch (error) {
      results.push({ rule: rule.name, target, changed: target, verdict: 'error', message: messageOf(error) })
    }
  }
  return results
}

async function mutateTarget(rule: Rule, target: AnyObject, scope: Scope, source: GenerationSource): Promise<AnyObject> {
  const { foreach, targets: _targets, ...mutation } = rule.mutate ?? {}
  return foreach === undefined ? mutateObject(mutation, target, scope, 'target') : mutateElements(foreach as readonly Foreach[], { object: target, scope, source, level: 0, self: 'target' })
}
