import type { AnyObject } from '@idp/formats'
import type { Handler } from '@idp/http'
import { messageOf, type Log } from '@idp/kit'
import { mutateResource, unsupportedFeatures, type ContextSource, type Request as PolicyRequest, type RuleResult } from '../engine/evaluate.ts'
import { indexOf } from '../engine/policy-index.ts'
import { runChecks } from '../engine/validate-rule.ts'
import { rulesOf } from '../engine/autogen.ts'
import type { PolicyException } from '../engine/exceptions.ts'
import { ruleMatches } from '../engine/match-resource.ts'
import { mutatesExisting } from '../engine/mutate-existing.ts'
import type { PolicyObject, Rule } from '../kinds/policy.ts'

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
  /** Counts a decision, for metrics. */
  decided(result: RuleResult): void
}

interface Review {
  request: {
    uid: string; namespace?: string; operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'; object: AnyObject | null; oldObject: AnyObject | null
    kind: { group: string; version: string; kind: string }; name?: string; dryRun?: boolean; userInfo?: { username?: string; groups?: string[] }
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
    if (pathname.startsWith('/mutate')) return respond(await mutate(options, review))
    if (pathname.startsWith('/validate')) return respond(await validate(options, review))
    return new Response('not found\n', { status: 404 })
  }
}

function requestOf({ request }: Review, options: AdmissionOptions): PolicyRequest | undefined {
  const object = request.object ?? request.oldObject
  if (object === null) return undefined
  const { username = '', groups = [] } = request.userInfo ?? {}
  return { object: { ...object, metadata: { ...object.metadata, ...(request.namespace === undefined || object.kind === 'Namespace' ? {} : { namespace: request.namespace }) } }, oldObject: request.oldObject ?? undefined, operation: request.operation, user: { username, groups }, namespaceLabels: options.namespaceLabels(request.namespace ?? '') }
}

async function validate(options: AdmissionOptions, review: Review): Promise<object> {
  const request = requestOf(review, options)
  if (request === undefined) return { allowed: true }
  const results = await runChecks(indexOf(looking(options, review)).checks(request.object), request, { source: options.source, exceptions: options.exceptions() })
  const refused: RuleResult[] = []
  const warnings: string[] = []
  for (const result of results) {
    options.decided(result)
    if (result.verdict === 'pass') continue
    if (result.enforced && (result.verdict === 'fail' || result.verdict === 'error')) refused.push(result)
    else if (!result.enforced && result.verdict === 'fail') warnings.push(`policy ${result.policy}.${result.rule}: ${result.message}`)
  }
  if (refused.length > 0) return { allowed: false, status: { code: 400, message: refusal(request.object, refused) } }
  if (review.request.dryRun !== true) leaveWork(options, review, request)
  return { allowed: true, ...(warnings.length > 0 ? { warnings } : {}) }
}

/** Rules with `mutate.targets`, about requests that were let through. What the background controller itself writes starts nothing again, unless the rule says so. */
function leaveWork(options: AdmissionOptions, review: Review, request: PolicyRequest): void {
  if (options.leave === undefined) return
  const byBackground = request.user?.username.endsWith(':kyverno-background-controller') === true
  for (const policy of indexOf(looking(options, review)).mutating(request.object)) {
    for (const rule of rulesOf(policy)) if (mutatesExisting(rule) && !(byBackground && rule['skipBackgroundRequests'] !== false) && ruleMatches(rule, request)) options.leave(policy, rule, request)
  }
}

const admitting = new WeakMap<readonly PolicyObject[], readonly PolicyObject[]>()

/** The policies that look at requests. */
function looking({ policies }: AdmissionOptions, { request }: Review): readonly PolicyObject[] {
  const all = policies(request.namespace ?? '')
  const known = admitting.get(all)
  if (known !== undefined) return known
  const made = all.filter(({ spec }) => spec.admission !== false)
  admitting.set(all, made)
  return made
}

/** Upstream's words: the resource, then each policy with its rules. */
function refusal({ kind, metadata }: AnyObject, refused: readonly RuleResult[]): string {
  const policies = [...new Set(refused.map((r) => r.policy))]
  const blocks = policies.map((policy) => `${policy}:\n${refused.filter((r) => r.policy === policy).map((r) => `  ${r.rule}: '${r.message}'`).join('\n')}`)
  return `\n\nresource ${kind}/${metadata.namespace ?? ''}/${metadata.name ?? metadata.generateName ?? ''} was blocked due to the following policies \n\n${blocks.join('\n')}`
}

async function mutate(options: AdmissionOptions, review: Review): Promise<object> {
  const request = requestOf(review, options)
  if (request === undefined || review.request.operation === 'DELETE') return { allowed: true }
  let object = request.object
  try {
    for (const policy of indexOf(looking(options, review)).mutating(object)) {
      object = (await mutateResource(policy, { ...request, object }, options.source, options.exceptions())).object
    }
  } catch (error) {
    options.log.warn('a mutation failed', { kind: object.kind, name: object.metadata.name, error: messageOf(error) })
    return { allowed: false, status: { code: 500, message: `mutation policy error: ${messageOf(error)}` } }
  }
  if (object === request.object) return { allowed: true }
  const original = review.request.object as AnyObject
  const patch = topLevelPatch(original, { ...object, metadata: { ...object.metadata } })
  return { allowed: true, ...(patch.length === 0 ? {} : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }) }
}

/** A JSON patch (RFC 6902) by top-level field: exact, and short enough for one object. */
function topLevelPatch(before: AnyObject, after: AnyObject): { op: string; path: string; value?: unknown }[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((field) => {
    const [old, fresh] = [before[field], after[field]]
    const path = `/${field.replaceAll('~', '~0').replaceAll('/', '~1')}`
    if (JSON.stringify(old) === JSON.stringify(fresh)) return []
    if (fresh === undefined) return [{ op: 'remove', path }]
    return [{ op: old === undefined ? 'add' : 'replace', path, value: fresh }]
  })
}

/** Refuses a policy that this engine would not carry out as written, by the name of what is missing or wrong. */
function checkPolicy({ request }: Review): object {
  const policy = request.object as unknown as PolicyObject | null
  if (policy === null || request.operation === 'DELETE') return { allowed: true }
  const problems = unsupportedFeatures(policy).map((path) => `spec.${path} is not supported by this engine`)
  const names = new Set<string>()
  for (const [index, rule] of (policy.spec.rules ?? []).entries()) {
    if (names.has(rule.name)) problems.push(`spec.rules[${index}].name: duplicate rule name: '${rule.name}'`)
    names.add(rule.name)
    if ([rule.validate, rule.mutate, rule.generate].filter((part) => part !== undefined).length !== 1) problems.push(`spec.rules[${index}]: a rule has exactly one of validate, mutate, generate`)
  }
  try {
    rulesOf(policy)
  } catch (error) {
    problems.push(messageOf(error))
  }
  return problems.length === 0 ? { allowed: true } : { allowed: false, status: { code: 400, message: problems.join('; ') } }
}

