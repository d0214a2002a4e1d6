import type { AnyObject } from '@idp/formats'
import type { Handler } from '@idp/http'
import { messageOf, type Clock, type Log } from '@idp/kit'
import { rulesOf } from '../engine/autogen.ts'
import type { CelRuleResult } from '../engine/cel/cel-results.ts'
import { cleanupProblems, policyProblems } from '../engine/check-policy.ts'
import { mutateResource, type ContextSource, type Request as PolicyRequest, type RuleResult } from '../engine/evaluate.ts'
import type { PolicyException } from '../engine/exceptions.ts'
import type { ImageTrust } from '../engine/images/verify-image.ts'
import { checkImagesRule, verifyImagesRule } from '../engine/images/verify-images-rule.ts'
import { limitSource } from '../engine/limited-source.ts'
import { ruleMatches } from '../engine/match-resource.ts'
import { failurePolicyOf, hasMatchConditions, webhookNameOf } from '../engine/webhook-rules.ts'
import { mutatesExisting } from '../engine/mutate-existing.ts'
import { indexOf } from '../engine/policy-index.ts'
import { runChecks } from '../engine/validate-rule.ts'
import { celFamily, type CelPolicy } from '../kinds/cel-policy.ts'
import type { CleanupPolicyObject } from '../kinds/cleanup-policy.ts'
import type { PolicyObject, Rule } from '../kinds/policy.ts'
import type { Reviewed } from './admission-observer.ts'
import { problemOf } from './cel-status.ts'
import { refusal, topLevelPatch } from './admission-words.ts'

export interface AdmissionOptions {
  readonly log: Log
  readonly source: ContextSource
  /** Policies that concern a namespace ('' for cluster-scoped resources); the same array while they are the same. */
  policies(namespace: string): readonly PolicyObject[]
  /** PolicyExceptions in force. */
  exceptions(): readonly PolicyException[]
  namespaceLabels(namespace: string): Readonly<Record<string, string>>
  /** Leaves work that a request causes to the background controller: a rule that changes existing objects. Not called for dry runs. */
  leave?(policy: PolicyObject, rule: Rule, request: PolicyRequest): void
  /** What the policies of policies.kyverno.io say of a request, and make of it. */
  readonly cel?: { validate(request: PolicyRequest): Promise<readonly CelRuleResult[]>; mutate(request: PolicyRequest): Promise<AnyObject> }
  /** What images are verified with; without it rules that verify images fail. */
  readonly trust?: ImageTrust
  /** Hears of each decision, and whether it refused the request. */
  decided(result: RuleResult, request: PolicyRequest, blocked: boolean): void
  /** Hears of each review. */
  reviewed?(what: Reviewed): void
  /** What no policy is about, by Kyverno's own configuration. */
  leavesAlone?(request: PolicyRequest, subresource: string): boolean
  /** Measures reviews and ends rules that wait too long; without it neither is done. */
  readonly clock?: Clock
}

interface Review {
  request: {
    uid: string; namespace?: string; operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'; object: AnyObject | null; oldObject: AnyObject | null
    kind: { group: string; version: string; kind: string }; resource?: { group?: string; version: string; resource: string }; name?: string; dryRun?: boolean; subResource?: string; userInfo?: { username?: string; groups?: string[] }
  }
}

const maxBody = 16 * 2 ** 20

/** The webhooks' endpoints: `/validate/…`, `/mutate/…`, `/policyvalidate`, and health. */
export function admissionHandler(options: AdmissionOptions): Handler {
  return async (request) => {
    const { pathname } = new URL(request.url)
    if (pathname.startsWith('/health/')) return new Response('ok')
    if (request.method !== 'POST') return new Response('use POST\n', { status: 405 })
    if (Number(request.headers.get('content-length') ?? 0) > maxBody) return new Response('too large\n', { status: 413 })
    const review = (await request.json()) as Review
    const respond = (response: object) => Response.json({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid: review.request.uid, ...response } })
    if (pathname.startsWith('/policyvalidate')) return respond(checkPolicy(review))
    const [, type = '', failing = 'fail', , own] = pathname.split('/')
    if (type !== 'mutate' && type !== 'validate') return new Response('not found\n', { status: 404 })
    return respond(await answer(options, review, { type, failing: failing === 'ignore' ? 'Ignore' : 'Fail', own: own === undefined ? undefined : decodeURIComponent(own) }))
  }
}

/** `own` names the one policy that a webhook with match conditions is for. */
interface Asked { readonly type: 'mutate' | 'validate'; readonly failing: 'Ignore' | 'Fail'; readonly own: string | undefined }

async function answer(options: AdmissionOptions, review: Review, asked: Asked): Promise<{ readonly allowed: boolean }> {
  const began = options.clock?.now() ?? 0
  const request = requestOf(review, options)
  if (request === undefined || options.leavesAlone?.(request, review.request.subResource ?? '') === true) return { allowed: true }
  const policies = looking(options.policies(review.request.namespace ?? ''), asked)
  const source = options.clock === undefined ? options.source : limitSource(options.source, { clock: options.clock, ms: timeLimit(policies) })
  const response = await (asked.type === 'mutate' ? mutate : validate)(withoutCel({ ...options, source }, asked), { review, request, policies })
  options.reviewed?.({ kind: request.object.kind, namespace: review.request.namespace ?? '', operation: review.request.operation, allowed: response.allowed, seconds: ((options.clock?.now() ?? 0) - began) / 1000, type: asked.type })
  return response
}

/** Policies of policies.kyverno.io are asked for where failing refuses; each says itself what its own failing means. */
const withoutCel = ({ cel, ...options }: AdmissionOptions, { failing, own }: Asked): AdmissionOptions => (cel === undefined || failing === 'Ignore' || own !== undefined ? options : { ...options, cel })

/** Rules end a second before the API server stops waiting. */
const timeLimit = (policies: readonly PolicyObject[]): number => Math.max(10, ...policies.map(({ spec }) => spec.webhookConfiguration?.timeoutSeconds ?? spec.webhookTimeoutSeconds ?? 10)) * 1000 - 1000

interface Reviewing { readonly review: Review; readonly request: PolicyRequest; readonly policies: readonly PolicyObject[] }

function requestOf({ request }: Review, options: AdmissionOptions): PolicyRequest | undefined {
  const object = request.object ?? request.oldObject
  if (object === null) return undefined
  const { username = '', groups = [] } = request.userInfo ?? {}
  const { uid, name = object.metadata?.name ?? '', resource, subResource: subresource = '', dryRun = false } = request
  return { asked: resource === undefined ? undefined : { resource: { group: '', ...resource }, subresource, name, uid, dryRun }, object: { ...object, metadata: { ...object.metadata, ...(request.namespace === undefined || object.kind === 'Namespace' ? {} : { namespace: request.namespace }) } }, oldObject: request.oldObject ?? undefined, operation: request.operation, user: { username, groups }, namespaceLabels: options.namespaceLabels(request.namespace ?? '') }
}

async function validate(options: AdmissionOptions, { review, request, policies }: Reviewing): Promise<{ readonly allowed: boolean }> {
  const results = await runChecks(indexOf(policies).checks(request.object), request, { source: options.source, exceptions: options.exceptions() })
  const { cel } = options
  const refused: RuleResult[] = []
  const warnings: string[] = []
  for (const result of results) {
    if (result.verdict === 'pass') {
      options.decided(result, request, false)
      continue
    }
    const policy = policies.find(({ metadata }) => metadata.name === result.policy)
    const blocks = result.enforced && (result.verdict === 'fail' || (result.verdict === 'error' && (policy === undefined || failurePolicyOf(policy) === 'Fail')))
    options.decided(result, request, blocks)
    if (blocks) refused.push(result)
    else if (result.verdict === 'fail' && policy?.spec.emitWarning === true) warnings.push(`policy ${result.policy}.${result.rule}: ${result.message}`)
  }
  for (const result of cel === undefined ? [] : await cel.validate(request)) {
    const blocks = result.enforced && result.verdict !== 'pass' && result.verdict !== 'skip'
    options.decided(result, request, blocks)
    if (blocks) refused.push(result)
    else if (result.warns) warnings.push(`policy ${result.policy}: ${result.message}`)
  }
  for (const { policy, rule } of indexOf(policies).verifying(request.object)) {
    const result = await checkImagesRule(policy, rule, request, { source: options.source, exceptions: options.exceptions() })
    if (result === undefined) continue
    const blocks = result.enforced && result.verdict === 'fail'
    options.decided(result, request, blocks)
    if (blocks) refused.push(result)
  }
  if (refused.length > 0) return { allowed: false, status: { code: 400, message: refusal(request.object, refused) } } as { readonly allowed: boolean }
  if (review.request.dryRun !== true) leaveWork(options, request, policies)
  return { allowed: true, ...(warnings.length > 0 ? { warnings } : {}) }
}

/** Rules with `mutate.targets`, about requests that were let through. What the background controller itself writes starts nothing again, unless the rule says so. */
function leaveWork({ leave }: AdmissionOptions, request: PolicyRequest, policies: readonly PolicyObject[]): void {
  if (leave === undefined) return
  const byBackground = request.user?.username.endsWith(':kyverno-background-controller') === true
  for (const policy of indexOf(policies).mutating(request.object)) {
    for (const rule of rulesOf(policy)) if (mutatesExisting(rule) && !(byBackground && rule['skipBackgroundRequests'] !== false) && ruleMatches(rule, request)) leave(policy, rule, request)
  }
}

const admitting = new WeakMap<readonly PolicyObject[], Map<string, readonly PolicyObject[]>>()

/** The policies that look at requests of a webhook: by what is to happen when they cannot, those with match conditions each for itself. The same array while the policies are the same. */
function looking(all: readonly PolicyObject[], { failing, own = '' }: Asked): readonly PolicyObject[] {
  const lists = admitting.get(all) ?? new Map<string, readonly PolicyObject[]>()
  admitting.set(all, lists)
  const key = `${failing} ${own}`
  const known = lists.get(key)
  if (known !== undefined) return known
  const made = all.filter((policy) => policy.spec.admission !== false && failurePolicyOf(policy) === failing && (hasMatchConditions(policy) ? webhookNameOf(policy) === own : own === ''))
  if (lists.size > 1_000) lists.clear()
  lists.set(key, made)
  return made
}

async function mutate(options: AdmissionOptions, { review, request, policies }: Reviewing): Promise<{ readonly allowed: boolean }> {
  if (review.request.operation === 'DELETE') return { allowed: true }
  const failed = (error: unknown) => ({ allowed: false, status: { code: 500, message: `mutation policy error: ${messageOf(error)}` } })
  let object = request.object
  for (const policy of indexOf(policies).mutating(object)) {
    try {
      object = (await mutateResource(policy, { ...request, object }, options.source, options.exceptions())).object
    } catch (error) {
      options.log.warn('a mutation failed', { policy: policy.metadata.name, kind: object.kind, name: object.metadata.name, error: messageOf(error) })
      if (failurePolicyOf(policy) === 'Fail') return failed(error)
    }
  }
  try {
    if (options.cel !== undefined) object = await options.cel.mutate({ ...request, object })
  } catch (error) {
    options.log.warn('a mutation failed', { kind: object.kind, name: object.metadata.name, error: messageOf(error) })
    return failed(error)
  }
  const refused: RuleResult[] = []
  for (const { policy, rule } of indexOf(policies).verifying(object)) {
    if (options.trust === undefined) return failed(new Error(`${rule.name}: images cannot be verified here`))
    const verified = await verifyImagesRule(policy, rule, { ...request, object }, { source: options.source, exceptions: options.exceptions(), trust: options.trust })
    if (verified === undefined) continue
    const { verdict, enforced } = verified.result
    const blocks = enforced && (verdict === 'fail' || (verdict === 'error' && failurePolicyOf(policy) === 'Fail'))
    options.decided(verified.result, request, blocks)
    if (blocks) refused.push(verified.result)
    object = verified.object
  }
  if (refused.length > 0) return { allowed: false, status: { code: 400, message: refusal(request.object, refused) } } as { readonly allowed: boolean }
  if (object === request.object) return { allowed: true }
  const original = review.request.object as AnyObject
  const patch = topLevelPatch(original, { ...object, metadata: { ...object.metadata } })
  return { allowed: true, ...(patch.length === 0 ? {} : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }) }
}

/** Refuses a policy that this engine would not carry out as written, by the path of what is missing or wrong. */
function checkPolicy({ request }: Review): object {
  const object = request.object
  if (object === null || request.operation === 'DELETE') return { allowed: true }
  const problems = problemsOf(object)
  return problems.length === 0 ? { allowed: true } : { allowed: false, status: { code: 400, message: problems.join('; ') } }
}

function problemsOf(object: AnyObject): string[] {
  if (object.kind === 'ClusterPolicy' || object.kind === 'Policy') return policyProblems(object as unknown as PolicyObject)
  if (object.kind === 'CleanupPolicy' || object.kind === 'ClusterCleanupPolicy') return cleanupProblems(object as unknown as CleanupPolicyObject)
  if (celFamily(object) !== undefined) return [problemOf(object as unknown as CelPolicy)].filter((problem) => problem !== undefined)
  return []
}
