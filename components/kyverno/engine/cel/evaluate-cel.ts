import type { AnyObject, Json } from '@idp/formats'
import { messageOf } from '@idp/kit'
import type { CelException, CelPolicy } from '../../kinds/cel-policy.ts'
import type { Request } from '../context.ts'
import type { Judgement } from '../verdict.ts'
import type { CelSource, GroupVersionResource } from './cel-source.ts'
import { compileCelPolicy, type CompiledPolicy, type CompiledSpec } from './compile-policy.ts'
import { deleting } from './deleting.ts'
import { evaluation, exemptions, requestData, type Evaluation, type Exempted } from './evaluation.ts'
import { generating } from './generating.ts'
import { validatingImages } from './image-validating.ts'
import { withLookups } from './lookups.ts'
import { constraintsMatch } from './match-constraints.ts'
import { mutating } from './mutating.ts'
import type { Run } from './run-context.ts'
import { validating } from './validating.ts'

/** What a policy says of one resource, and what it makes of it. */
export interface CelOutcome extends Judgement {
  /** Mutating: the resource after the policy. */
  readonly patched?: AnyObject
  /** Generating: what must be there. */
  readonly generated?: readonly AnyObject[]
  readonly annotations?: Readonly<Record<string, string>>
  /** `exception` when an exception decided. */
  readonly rule?: string
}

export interface CelContext {
  readonly source: CelSource
  readonly exceptions?: readonly CelException[]
  /** A payload that is no Kubernetes object (`evaluation.mode: JSON`). */
  readonly payload?: Json
  /** Of an admission policy's binding. */
  readonly params?: Json
  /** Mutating: the request's object is a target of `mutateExisting`, not the trigger. */
  readonly target?: { readonly trigger: Request }
}

/** One evaluation of one spec, ready for its family. */
export interface Subject { readonly policy: CelPolicy; readonly compiled: CompiledSpec; readonly evaluated: Evaluation; readonly request: Request; readonly run: Run; readonly exempted: Exempted }

/**
 * What a policy of policies.kyverno.io (any kind) says of a request; undefined when it is not about it. The same for admission, scans and files. Never throws for what the policy does: a policy
 * that does not compile, or an expression that fails, is an `error`.
 */
export async function evaluateCel(policy: CelPolicy, request: Request, context: CelContext): Promise<CelOutcome | undefined> {
  let compiled: CompiledPolicy
  try {
    compiled = compileCelPolicy(policy)
  } catch (error) {
    return { verdict: 'error', message: messageOf(error) }
  }
  for (const spec of compiled.specs) {
    if (!isAbout(spec, request, context)) continue
    try {
      return await withLookups((lookups) => {
        const run: Run = { lookups, source: context.source, namespace: policy.metadata.namespace ?? '', generated: [] }
        return evaluateSpec(compiled, spec, { request, run, context })
      })
    } catch (error) {
      return { verdict: 'error', message: messageOf(error) }
    }
  }
  return undefined
}

/** Whether a request triggers a policy: its constraints are about it, its conditions hold, and no exception frees it. Throws CodedError for a policy that does not compile or a condition that fails. */
export async function triggers(policy: CelPolicy, request: Request, context: CelContext): Promise<boolean> {
  for (const compiled of compileCelPolicy(policy).specs) {
    if (!isAbout(compiled, request, context)) continue
    return withLookups((lookups) => {
      const run: Run = { lookups, source: context.source, namespace: policy.metadata.namespace ?? '', generated: [] }
      const evaluated = evaluation({ compiled, run, data: requestData(request, resourceOf(request, context), { compiled, run }) })
      return matchConditions(evaluated, compiled.conditions, compiled) && exemptions(exceptionsFor(policy, context), evaluated).exceptions.length === 0
    })
  }
  return false
}

const exceptionsFor = (policy: CelPolicy, { exceptions = [] }: CelContext): readonly CelException[] => exceptions.filter(({ spec }) => spec.policyRefs.some(({ name, kind }) => name === policy.metadata.name && (kind === undefined || kind === policy.kind)))

/** Whether a spec's constraints are about a resource; a policy without constraints is about none, unless it looks at JSON. */
function isAbout({ spec }: CompiledSpec, request: Request, context: CelContext): boolean {
  const { payload, target } = context
  if (['JSON', 'HTTP', 'Envoy'].includes(spec.evaluation?.mode ?? '')) return spec.evaluation?.mode === 'JSON' || payload !== undefined
  if (payload !== undefined) return false
  const match = target !== undefined && (spec.targetMatchConstraints?.resourceRules ?? []).length > 0 ? spec.targetMatchConstraints : spec.matchConstraints
  const resource = resourceOf(request, context)
  if (match === undefined || resource.resource === '') return false
  const anyOperation = target !== undefined || spec.conditions !== undefined
  const rules = anyOperation ? { resourceRules: (match.resourceRules ?? []).map((rule) => ({ ...rule, operations: ['*'] })) } : {}
  return constraintsMatch({ ...match, ...rules }, { request, resource, subresource: request.asked?.subresource ?? '' })
}

/** What a request is about, as the API server says it or as its object's kind tells; nothing where neither does. */
const resourceOf = ({ asked, object }: Request, { source }: CelContext): GroupVersionResource => asked?.resource ?? source.resourceOf(object.apiVersion, object.kind) ?? { group: '', version: '', resource: '' }

interface Evaluating { readonly request: Request; readonly run: Run; readonly context: CelContext }

function evaluateSpec({ policy, family }: CompiledPolicy, compiled: CompiledSpec, { request, run, context }: Evaluating): CelOutcome | undefined {
  const { object } = request
  const resource = resourceOf(request, context)
  const { payload, target, params = null } = context
  const isJson = ['JSON', 'HTTP', 'Envoy'].includes(compiled.spec.evaluation?.mode ?? '')
  const base = isJson ? { object: (payload ?? object) as never, oldObject: null, request: null, namespaceObject: null, exceptions: { allowedImages: [], allowedValues: [] }, images: {}, params: null } : requestData(request, resource, { compiled, run })
  const triggerData = target === undefined ? {} : { request: requestData(target.trigger, resourceOf(target.trigger, context), { compiled, run })['request'] ?? null }
  const plain = evaluation({ compiled, run, data: { ...base, ...triggerData, params: params as never } })
  const exempted = exemptions(exceptionsFor(policy, context), plain)
  if (exempted.exceptions.length > 0) return exempt(exempted.exceptions)
  const evaluated = plain.with({ exceptions: { allowedImages: exempted.allowedImages, allowedValues: exempted.allowedValues } })
  const conditions = target === undefined ? compiled.conditions : compiled.targetConditions
  if (family !== 'Deleting' && !matchConditions(evaluated, conditions, compiled)) return family === 'Generating' || family === 'ImageValidating' ? undefined : { verdict: 'skip', message: 'skip' }
  const subject: Subject = { policy, compiled, evaluated, request, run, exempted }
  return families[family](subject)
}

const families = { Validating: validating, Mutating: mutating, Generating: generating, Deleting: deleting, ImageValidating: validatingImages } as const

function matchConditions(evaluated: Evaluation, conditions: CompiledSpec['conditions'], { spec }: CompiledSpec): boolean {
  try {
    return evaluated.holds(conditions)
  } catch (error) {
    if (spec.failurePolicy === 'Ignore') return false
    throw error
  }
}

function exempt(exceptions: readonly CelException[]): CelOutcome {
  const priority = ({ metadata }: CelException): number => Number(metadata.labels?.['policies.kyverno.io/priority'] ?? 0)
  const [chosen] = [...exceptions].sort((a, b) => priority(b) - priority(a))
  const names = exceptions.map(({ metadata }) => `${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name ?? ''}`).join(', ')
  const passed = chosen?.spec.reportResult === 'pass'
  return { rule: 'exception', verdict: passed ? 'pass' : 'skip', message: `rule is ${passed ? 'passed' : 'skipped'} due to policy exception: ${names}` }
}

