import type { AnyObject, Json } from '@idp/formats'
import { CodedError, messageOf } from '@idp/kit'
import { admissionFamily, celFamily, type AdmissionBinding, type CelException, type CelFamily, type CelPolicy } from '../kinds/cel-policy.ts'
import type { ImageVerification } from '../kinds/image-verification.ts'
import type { PolicyObject, Rule } from '../kinds/policy.ts'
import { rulesOf } from './autogen.ts'
import type { CelSource } from './cel/cel-source.ts'
import { evaluateAdmissionPolicy } from './cel/admission-policies.ts'
import { evaluateCel } from './cel/evaluate-cel.ts'
import { pinImages } from './cel/pin-images.ts'
import { isNamespaced } from './cel/plurals.ts'
import type { Request } from './context.ts'
import { mutationResults, validateResource } from './evaluate.ts'
import type { PolicyException } from './exceptions.ts'
import { attestorSets, type ImageTrust } from './images/verify-image.ts'
import { checkImagesRule, verifyImagesRule } from './images/verify-images-rule.ts'
import { generationResults, type GenerationSource } from './generate.ts'
import type { TestValues } from './test-values.ts'
import type { Verdict } from './verdict.ts'

export type RuleType = 'Validation' | 'Mutation' | 'Generation' | 'ImageVerify' | 'Deletion'

/** What one rule of a policy makes of one resource. A failed rule of a policy that does not score (`policies.kyverno.io/scored: "false"`) is a warning. */
export interface RuleOutcome {
  readonly rule: string
  readonly type: RuleType
  readonly verdict: Verdict | 'warn'
  readonly message: string
  /** A failure refuses the request; otherwise it is only reported. */
  readonly enforced: boolean
  /** Generation: what must be there. */
  readonly generated?: readonly AnyObject[]
}

/** What one policy makes of one resource, by one family of its rules (a policy with mutate and validate rules answers twice). */
export interface PolicyResponse {
  readonly policy: PolicyObject
  readonly type: RuleType
  readonly object: AnyObject
  /** The resource after this policy's mutations. */
  readonly patched: AnyObject
  readonly rules: readonly RuleOutcome[]
}

/** Policies and all they may look at. */
export interface PolicyWorld {
  readonly policies: readonly PolicyObject[]
  readonly exceptions: readonly PolicyException[]
  readonly source: GenerationSource
  readonly values: TestValues
  namespaceLabels(namespace: string): Readonly<Record<string, string>>
  /** What `verifyImages` is decided with; without it rules that ask a registry are an error. */
  readonly trust?: ImageTrust
  /** For the policies of policies.kyverno.io. */
  readonly cel: { readonly source: CelSource; readonly exceptions: readonly CelException[]; readonly bindings: readonly AdmissionBinding[]; readonly parameters: readonly AnyObject[] }
}

/** Where policies may ask for images: their signatures, and what their registry says of them. */
export interface Registries {
  readonly trust: ImageTrust
  imageData(image: string): Promise<Json>
  readonly cel: Pick<CelSource, 'imageData' | 'isSigned' | 'payload'>
}

/** Lets every policy mutate a resource, in the order given, then validates the outcome and says what is generated: what the cluster's controllers do with a request, in one pass, by the same functions. Never throws for what a policy does. */
export async function applyPolicies(world: PolicyWorld, object: AnyObject, operation?: Request['operation']): Promise<PolicyResponse[]> {
  const responses: PolicyResponse[] = []
  let current = object
  for (const policy of world.policies) {
    const response = await mutateWith(world, policy, { object, current, operation })
    current = response?.patched ?? current
    if (response !== undefined && response.rules.length > 0) responses.push(response)
  }
  for (const policy of world.policies) {
    const response = await verifyWith(world, policy, { object, current, operation })
    current = response?.patched ?? current
    if (response !== undefined && response.rules.length > 0) responses.push(response)
  }
  for (const policy of world.policies) responses.push(...(await validateWith(world, policy, { object, current, operation })))
  return responses
}

/** The verdicts of policies with another `evaluation.mode` (`JSON`, `HTTP`, `Envoy`) on a payload that is no Kubernetes object. */
export async function applyToPayload(world: PolicyWorld, payload: Json, mode = 'JSON'): Promise<PolicyResponse[]> {
  const object = payload as unknown as AnyObject
  const nothing = { apiVersion: '', kind: '', metadata: {} } as unknown as AnyObject
  return (await Promise.all(world.policies.filter((policy) => celFamily(policy) !== undefined && (policy as unknown as CelPolicy).spec.evaluation?.mode === mode).map(async (policy) => {
    const outcome = await evaluateCel(policy as unknown as CelPolicy, { object: nothing }, { ...world.cel, payload })
    return outcome === undefined ? [] : [celResponse(policy, { object, patched: object }, outcome)]
  }))).flat()
}

interface Subject { readonly object: AnyObject; readonly current: AnyObject; readonly operation: Request['operation'] }

function requestFor({ values, namespaceLabels }: PolicyWorld, policy: PolicyObject, { object, operation }: Subject): Request {
  const given = values.given(policy.metadata.name ?? '', '', object)
  const namespace = object.kind === 'Namespace' ? object.metadata.name ?? '' : object.metadata.namespace ?? 'default'
  const op = (operation ?? given['request.operation'] ?? 'CREATE') as NonNullable<Request['operation']>
  return { object, operation: op, namespaceLabels: namespaceLabels(namespace), ...(values.user === undefined ? {} : { user: values.user }), ...(op === 'UPDATE' || op === 'DELETE' ? { oldObject: object } : {}) }
}

async function mutateWith(world: PolicyWorld, policy: PolicyObject, subject: Subject): Promise<PolicyResponse | undefined> {
  const { object, current } = subject
  const family = familyOf(policy)
  if (family === 'ImageValidating' && world.trust !== undefined) return pinWith(world, policy, subject)
  if (family !== undefined) return family === 'Mutating' ? celWith(world, policy, subject) : undefined
  const base = { policy, type: 'Mutation', object } as const
  try {
    const results = await mutationResults(policy, { ...requestFor(world, policy, subject), object: current }, world.source, world.exceptions)
    return { ...base, patched: results.at(-1)?.object ?? current, rules: results.map(({ rule, verdict, message }) => ({ rule, type: 'Mutation', verdict, message, enforced: true })) }
  } catch (error) {
    return { ...base, patched: current, rules: [{ rule: '', type: 'Mutation', verdict: 'error', message: messageOf(error), enforced: true }] }
  }
}

/** Image policies put digests behind tags before they look, as at admission; without a registry they look at what is there. */
async function pinWith(world: PolicyWorld, policy: PolicyObject, subject: Subject): Promise<PolicyResponse | undefined> {
  const { object, current } = subject
  const said = (patched: AnyObject, verdict: Verdict, message: string): PolicyResponse => ({ policy, type: 'Mutation', object, patched, rules: [{ rule: policy.metadata.name ?? '', type: 'Mutation', verdict, message, enforced: true }] })
  try {
    const patched = await pinImages(policy as unknown as CelPolicy, { ...requestFor(world, policy, subject), object: current }, world.cel)
    return patched === current ? undefined : said(patched, 'pass', 'mutated image digest')
  } catch (error) {
    return said(current, 'error', messageOf(error))
  }
}

/** Rules with `verifyImages`: what they say, and the resource with digests in place of tags. Verified first, then held against what the rule asks, as the two webhooks do. */
async function verifyWith(world: PolicyWorld, policy: PolicyObject, subject: Subject): Promise<PolicyResponse | undefined> {
  if (familyOf(policy) !== undefined) return undefined
  const { object, current } = subject
  const { source, exceptions, trust = noRegistry } = world
  const request = requestFor(world, policy, subject)
  let patched = current
  const rules: RuleOutcome[] = []
  for (const rule of rulesOf(policy).filter((one) => one['verifyImages'] !== undefined)) {
    const verified = asksRegistry(rule) ? await verifyImagesRule(policy, rule, { ...request, object: patched }, { source, trust, exceptions }) : undefined
    patched = verified?.object ?? patched
    const checked = verified === undefined || verified.result.verdict === 'pass' ? await checkImagesRule(policy, rule, { ...request, object: patched }, { source, exceptions }) : undefined
    const result = checked?.verdict === 'fail' ? checked : verified?.result ?? checked
    if (result !== undefined) rules.push({ rule: rule.name, type: 'ImageVerify', verdict: result.verdict, message: result.message, enforced: result.enforced })
  }
  return { policy, type: 'ImageVerify', object, patched, rules }
}

/** Digests are found out and signatures verified at a registry; that there is a digest is seen without one. */
const asksRegistry = (rule: Rule): boolean => (rule['verifyImages'] as readonly ImageVerification[]).some((one) => attestorSets(one).length + (one.attestations ?? []).length > 0 || one.mutateDigest !== false)

const refused = async (): Promise<never> => { throw new CodedError({ code: 'RegistryFailed', message: 'images cannot be verified: no registry may be asked (--registry allows it)' }) }
const noRegistry: ImageTrust = { now: 0, registry: () => ({ manifest: refused, blob: refused }), secretKey: refused }

async function validateWith(world: PolicyWorld, policy: PolicyObject, subject: Subject): Promise<PolicyResponse[]> {
  const { object, current } = subject
  const family = familyOf(policy)
  if (family !== undefined) {
    const response = family === 'Mutating' ? undefined : await celWith(world, policy, subject)
    return response === undefined ? [] : [response]
  }
  const scored = policy.metadata.annotations?.['policies.kyverno.io/scored'] !== 'false'
  try {
    const request = requestFor(world, policy, subject)
    const validated = await validateResource(policy, { ...request, object: current }, world.source, world.exceptions)
    const generated = await generationResults(policy, request, world.source)
    const rules: readonly RuleOutcome[] = [
      ...validated.map(({ rule, verdict, message, enforced }): RuleOutcome => ({ rule, type: 'Validation', verdict: verdict === 'fail' && !scored ? 'warn' : verdict, message, enforced })),
      ...generated.map(({ rule, verdict, message, objects }): RuleOutcome => ({ rule, type: 'Generation', verdict, message, enforced: false, generated: objects })),
    ]
    return (['Validation', 'Generation'] as const).flatMap((type) => {
      const own = rules.filter((rule) => rule.type === type)
      return own.length === 0 ? [] : [{ policy, type, object, patched: current, rules: own }]
    })
  } catch (error) {
    return [{ policy, type: 'Validation', object, patched: current, rules: [{ rule: '', type: 'Validation', verdict: 'error', message: messageOf(error), enforced: true }] }]
  }
}

/** The kinds that CEL decides, Kyverno's and Kubernetes' own. */
export const familyOf = (policy: PolicyObject): CelFamily | undefined => celFamily(policy) ?? admissionFamily(policy)

/** A file need not name the namespace `default`; a request has it. */
function inNamespace(object: AnyObject): AnyObject {
  const { apiVersion, kind, metadata } = object
  if (metadata?.namespace !== undefined || isNamespaced(apiVersion, kind) !== true) return object
  return { ...object, metadata: { ...metadata, namespace: 'default' } }
}

const types: Readonly<Record<CelFamily, RuleType>> = { Validating: 'Validation', Mutating: 'Mutation', Generating: 'Generation', Deleting: 'Deletion', ImageValidating: 'ImageVerify' }

/** A policy of policies.kyverno.io: its one answer, or none when it is not about the resource. */
async function celWith(world: PolicyWorld, policy: PolicyObject, subject: Subject): Promise<PolicyResponse | undefined> {
  const request = { ...requestFor(world, policy, subject), object: inNamespace(subject.current) }
  const outcome = await (admissionFamily(policy) === undefined ? evaluateCel : evaluateAdmissionPolicy)(policy as unknown as CelPolicy, request, world.cel)
  return outcome === undefined ? undefined : celResponse(policy, { object: subject.object, patched: outcome.patched ?? subject.current }, outcome)
}

function celResponse(policy: PolicyObject, { object, patched }: { readonly object: AnyObject; readonly patched: AnyObject }, { rule = '', verdict, message, generated }: Awaited<ReturnType<typeof evaluateCel>> & object): PolicyResponse {
  const type = types[familyOf(policy) ?? 'Validating']
  const scored = policy.metadata.annotations?.['policies.kyverno.io/scored'] !== 'false'
  const actions = (policy as unknown as CelPolicy).spec.validationActions ?? []
  const enforced = actions.length === 0 || actions.includes('Deny')
  return { policy, type, object, patched, rules: [{ rule, type, verdict: verdict === 'fail' && !scored ? 'warn' : verdict, message, enforced, ...(generated === undefined ? {} : { generated }) }] }
}
