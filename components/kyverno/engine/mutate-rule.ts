import { deepEqual, type AnyObject, type Json } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import type { Mutation, PolicyObject, Rule } from '../kinds/policy.ts'
import { rulesOf } from './autogen.ts'
import { conditionsHold } from './conditions.ts'
import type { ContextSource, Request } from './context.ts'
import { isExcepted, type PolicyException } from './exceptions.ts'
import { eachElement, type Foreach } from './foreach.ts'
import { isInScope, ruleMatches } from './match-resource.ts'
import { mutateObject } from './mutate.ts'
import { ruleScope } from './validate-rule.ts'
import type { Scope } from './variables.ts'
import type { Judgement } from './verdict.ts'

/** One mutate rule's outcome. */
export interface MutationResult extends Judgement { readonly rule: string; readonly object: AnyObject }

/** Applies the mutate rules of a policy, each to what the one before made, and says what became of each; rules about existing resources (`targets`) are not run here. */
export async function mutationResults(policy: PolicyObject, request: Request, source: ContextSource, exceptions: readonly PolicyException[] = []): Promise<MutationResult[]> {
  let object = request.object
  const results: MutationResult[] = []
  if (!isInScope(policy, object)) return results
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
    if (!conditionsHold(rule.preconditions, scope, 'error')) return { verdict: 'skip', message: 'preconditions not met', changed: object }
    const { foreach, ...mutation } = rule.mutate ?? {}
    const changed = foreach === undefined ? mutateObject(mutation, object, scope) : await mutateElements(foreach as readonly Foreach[], { object, scope, source, level: 0 })
    return deepEqual(changed as unknown as Json, object as unknown as Json) ? { verdict: 'skip', message: 'no patches applied', changed: object } : { verdict: 'pass', message: 'mutated resource', changed }
  } catch (error) {
    return { verdict: 'error', message: messageOf(error), changed: object }
  }
}

interface Mutating { readonly object: AnyObject; readonly scope: Scope; readonly source: ContextSource; readonly level: number; readonly self?: string }

/** Applies what each element of the lists asks for, one after the other. */
export async function mutateElements(entries: readonly Foreach[], { object, scope, source, level, self = 'request.object' }: Mutating): Promise<AnyObject> {
  let result = object
  for (const entry of entries) {
    // JSON patches may remove elements by index: from the last to the first, unless told otherwise.
    const order = entry.order ?? (entry['patchesJson6902'] === undefined ? 'Ascending' : 'Descending')
    await eachElement({ ...entry, order }, scope, { source, level }, async (inner) => {
      result = entry.foreach === undefined ? mutateObject(entry as Mutation, result, inner, self) : await mutateElements(entry.foreach, { object: result, scope: inner, source, level: level + 1, self })
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
