import type { AnyObject } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import { celFamily, type CelException, type CelFamily, type CelPolicy } from '../../kinds/cel-policy.ts'
import type { Request } from '../context.ts'
import type { RuleResult } from '../evaluate.ts'
import type { CelSource } from './cel-source.ts'
import { evaluateCel } from './evaluate-cel.ts'
import { pinImages } from './pin-images.ts'

/** Where CEL policies get data and exceptions from. */
export interface CelWorld { readonly source: CelSource; readonly exceptions: readonly CelException[] }

/** What a program has to do with a request. */
export type CelUse = 'admission' | 'background'

const inUse = ({ spec }: CelPolicy, use: CelUse): boolean => spec.evaluation?.[use]?.enabled !== false && ['Kubernetes', undefined, ''].includes(spec.evaluation?.mode)
const concerns = ({ metadata }: CelPolicy, { object }: Request): boolean => metadata.namespace === undefined || metadata.namespace === object.metadata.namespace

/** The policies of a family that look at a request. */
export function celPoliciesFor(policies: readonly CelPolicy[], families: readonly CelFamily[], request: Request, use: CelUse): CelPolicy[] {
  return policies.filter((policy) => families.includes(celFamily(policy) as CelFamily) && inUse(policy, use) && concerns(policy, request))
}

const denies = ({ spec: { validationActions = [] } }: CelPolicy): boolean => validationActions.length === 0 || validationActions.includes('Deny')

/** A result with whether the one who asks is to hear of it. */
export interface CelRuleResult extends RuleResult { readonly warns: boolean }

/** Results of validating and image validating policies, in the shape that rules of ClusterPolicies give; `Deny` among the actions (or none named) enforces. */
export async function validateCel(policies: readonly CelPolicy[], request: Request, world: CelWorld, use: CelUse): Promise<CelRuleResult[]> {
  const results = await Promise.all(celPoliciesFor(policies, ['Validating', 'ImageValidating'], request, use).map(async (policy): Promise<CelRuleResult[]> => {
    const outcome = await evaluateCel(policy, request, world)
    if (outcome === undefined || (outcome.verdict === 'skip' && outcome.rule === undefined)) return []
    const { validationActions: actions = [], failurePolicy } = policy.spec
    const enforced = denies(policy) && !(outcome.verdict === 'error' && failurePolicy === 'Ignore')
    return [{ policy: policy.metadata.name ?? '', rule: outcome.rule ?? policy.metadata.name ?? '', verdict: outcome.verdict, message: outcome.message, enforced, warns: actions.includes('Warn') && outcome.verdict === 'fail' }]
  }))
  return results.flat()
}

/** The object after every mutating policy, each on what the one before made, and its images pinned by image policies. Throws CodedError `MutationFailed` for one that fails, unless its failure policy is `Ignore` or an image policy denies nothing. */
export async function mutateCel(policies: readonly CelPolicy[], request: Request, world: CelWorld): Promise<AnyObject> {
  let { object } = request
  for (const policy of celPoliciesFor(policies, ['Mutating'], request, 'admission')) {
    if (policy.spec.evaluation?.mutateExisting?.enabled === true && (policy.spec.targetMatchConstraints?.resourceRules ?? []).length > 0) continue
    const outcome = await evaluateCel(policy, { ...request, object }, world)
    if (outcome?.verdict === 'error' && policy.spec.failurePolicy !== 'Ignore') throw new CodedError({ code: 'MutationFailed', message: `${policy.metadata.name ?? ''}: ${outcome.message}`, where: policy.metadata.name ?? '' })
    object = outcome?.patched ?? object
  }
  for (const policy of celPoliciesFor(policies, ['ImageValidating'], request, 'admission')) {
    try {
      object = await pinImages(policy, { ...request, object }, world)
    } catch (error) {
      if (denies(policy) && policy.spec.failurePolicy !== 'Ignore') throw new CodedError({ code: 'MutationFailed', message: `${policy.metadata.name ?? ''}: ${messageOf(error)}`, where: policy.metadata.name ?? '' })
    }
  }
  return object
}
