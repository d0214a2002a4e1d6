import { matchesLabelSelector, type AnyObject, type Json, type LabelSelector } from '@idp/formats'
import type { AdmissionBinding, CelPolicy } from '../../kinds/cel-policy.ts'
import type { Request } from '../context.ts'
import { evaluateCel, type CelContext, type CelOutcome } from './evaluate-cel.ts'
import { constraintsMatch } from './match-constraints.ts'

export interface AdmissionContext extends CelContext { readonly bindings: readonly AdmissionBinding[]; readonly parameters: readonly AnyObject[] }

/**
 * What a ValidatingAdmissionPolicy or MutatingAdmissionPolicy says of a request under its bindings, one after the other; without bindings, under its own constraints alone (as the Kyverno CLI does).
 * Undefined when it is not about the request. A mutation sees what the binding before made.
 */
export async function evaluateAdmissionPolicy(policy: CelPolicy, request: Request, context: AdmissionContext): Promise<CelOutcome | undefined> {
  const { bindings, parameters, ...rest } = context
  const own = bindings.filter(({ spec }) => spec.policyName === policy.metadata.name)
  if (own.length === 0) return evaluateCel(policy, request, rest)
  let outcome: CelOutcome | undefined
  let object = request.object
  for (const { spec } of own) {
    const resource = rest.source.resourceOf(object.apiVersion, object.kind)
    if (resource === undefined || (spec.matchResources !== undefined && !constraintsMatch(spec.matchResources, { request: { ...request, object }, resource }))) continue
    outcome = await evaluateCel(policy, { ...request, object }, { ...rest, ...(spec.paramRef === undefined ? {} : { params: paramsFor(spec.paramRef, parameters) }) }) ?? outcome
    object = outcome?.patched ?? object
  }
  return outcome
}

/** The object a reference names; with a selector, the list of those it selects. */
function paramsFor({ name, namespace, selector }: NonNullable<AdmissionBinding['spec']['paramRef']>, params: readonly AnyObject[]): Json {
  if (selector !== undefined) return { items: params.filter(({ metadata }) => matchesLabelSelector(selector as LabelSelector, metadata.labels ?? {})) as unknown as Json[] }
  return (params.find(({ metadata }) => (name !== undefined ? metadata.name === name : (metadata.namespace ?? 'default') === namespace)) ?? null) as unknown as Json
}
