import { type ApiError, type Kind, type ValidatingAdmissionPolicy, type ValidatingAdmissionPolicyBinding } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import type { AdmissionPlugin, AdmissionRequest } from '../admission/admission.ts'
import { deny } from '../admission/deny.ts'
import type { ServerContext } from '../server-context.ts'
import { storedList } from '../stored-list.ts'
import type { MatchedAs } from '../webhook/match-webhook.ts'
import { matchPolicy, type PolicyMatch } from './policy-match.ts'
import { collectParams, ConfigurationError } from './policy-params.ts'
import type { Bindings } from './admission-expressions.ts'
import type { CompiledPolicy, PolicyResult } from './validating-policy.ts'

type Context = Pick<ServerContext, 'storage' | 'registry' | 'authorizer'>
/** What evaluates policies; loaded when there is one. */
type Engine = typeof import('./validating-policy.ts') & typeof import('./admission-bindings.ts')

interface Denial { readonly policy: string; readonly binding: string | undefined; readonly message: string; readonly reason: string | undefined }

const codes: Readonly<Record<string, number>> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413, Invalid: 422 }

/** ValidatingAdmissionPolicies and their bindings (https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/). */
export function validatingPolicies(server: Context): AdmissionPlugin {
  const compiled = new Map<string, { readonly revision: string | undefined; readonly policy: CompiledPolicy }>()
  const stored = <T>(plural: string, derive: (objects: readonly AnyObject[]) => T) => storedList(server, { group: 'admissionregistration.k8s.io', version: 'v1', plural }, derive)
  const bindings = stored('validatingadmissionpolicybindings', (objects) => Map.groupBy(objects as unknown as readonly ValidatingAdmissionPolicyBinding[], ({ spec }) => spec.policyName ?? ''))
  const policies = stored('validatingadmissionpolicies', (objects) => objects as unknown as readonly ValidatingAdmissionPolicy[])
  const compile = (engine: Engine, { metadata, spec }: ValidatingAdmissionPolicy): CompiledPolicy => {
    const known = compiled.get(metadata.uid ?? '')
    if (known && known.revision === metadata.resourceVersion) return known.policy
    const policy = engine.compilePolicy(spec)
    compiled.set(metadata.uid ?? '', { revision: metadata.resourceVersion, policy })
    return policy
  }
  return {
    name: 'ValidatingAdmissionPolicy',
    validate(request) {
      if (isExempt(request) || bindings.current().size === 0) return
      const matching = policies.current().flatMap((policy) => {
        const candidates = bindings.current().get(policy.metadata.name ?? '') ?? []
        const as = candidates.length === 0 ? undefined : matchPolicy(server, policy.spec.matchConstraints as PolicyMatch | undefined, request, 'none')
        const bound = as ? candidates.filter(({ spec }) => matchPolicy(server, spec.matchResources as PolicyMatch | undefined, request, 'all')) : []
        return as && bound.length > 0 ? [{ policy, as, bound }] : []
      })
      return matching.length === 0 ? undefined : judge(matching, request)
    },
  }
  async function judge(matching: readonly { readonly policy: ValidatingAdmissionPolicy; readonly as: MatchedAs; readonly bound: readonly ValidatingAdmissionPolicyBinding[] }[], request: AdmissionRequest): Promise<void> {
    const engine: Engine = { ...await import('./validating-policy.ts'), ...await import('./admission-bindings.ts') }
    const denials: Denial[] = []
    const seen = new Map<string, Bindings>()
    for (const { policy, as, bound } of matching) {
      const values = seen.get(as.version) ?? await engine.admissionBindings(server, request, as)
      seen.set(as.version, values)
      for (const binding of bound) denials.push(...applyBinding(server, engine, compile(engine, policy), policy, binding, request, values))
    }
    if (denials[0]) throw denied(request, denials[0])
  }
}

/** Policies must not be able to lock out their own repair. */
export function isExempt({ resource }: AdmissionRequest): boolean {
  const { group, plural } = resource.kind as Kind
  return (group === 'admissionregistration.k8s.io' && (plural.endsWith('webhookconfigurations') || plural.includes('admissionpolic'))) || group === 'authentication.k8s.io' || group === 'authorization.k8s.io'
}

function applyBinding(server: Context, engine: Engine, compiled: CompiledPolicy, { metadata, spec }: ValidatingAdmissionPolicy, binding: ValidatingAdmissionPolicyBinding, request: AdmissionRequest, values: Bindings): Denial[] {
  const names = { policy: metadata.name ?? '', binding: binding.metadata.name }
  let params: (AnyObject | undefined)[]
  try {
    params = collectParams(server, spec.paramKind ?? undefined, (binding.spec.paramRef ?? undefined) as Parameters<typeof collectParams>[2], request.namespace)
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return compiled.fails ? [{ ...names, message: `failed to configure binding: ${error.message}`, reason: undefined }] : []
  }
  return params.flatMap((param) => act(engine.runPolicy(compiled, values, param), names, binding, request))
}

/** Most failures that one audit event names. */
const mostFailures = 50

function annotate({ annotations }: AdmissionRequest, key: string, value: (known: string | undefined) => string): void {
  annotations?.set(key, value(annotations.get(key)))
}

/** Does what `validationActions` say with what a policy found; the answer is what the request is refused for. */
function act({ findings, annotations, annotationErrors }: PolicyResult, names: Pick<Denial, 'policy' | 'binding'>, { spec }: ValidatingAdmissionPolicyBinding, request: AdmissionRequest): Denial[] {
  const actions = spec.validationActions ?? []
  for (const [key, value] of annotations) annotate(request, `${names.policy}/${key}`, (known) => known === undefined || known.split(', ').includes(value) ? known ?? value : `${known}, ${value}`)
  if (actions.includes('Warn')) for (const { message } of findings) request.warnings.add(`Validation failed for ValidatingAdmissionPolicy '${names.policy}' with binding '${names.binding ?? ''}': ${message}`)
  if (actions.includes('Audit') && findings.length > 0) {
    const failures = findings.map(({ message, index }) => ({ message, policy: names.policy, binding: names.binding, expressionIndex: index, validationActions: actions }))
    annotate(request, 'validation.policy.admission.k8s.io/validation_failure', (known) => JSON.stringify([...JSON.parse(known ?? '[]') as object[], ...failures].slice(0, mostFailures)))
  }
  return [
    ...actions.includes('Deny') ? findings.map(({ message, reason }) => ({ ...names, message, reason })) : [],
    ...annotationErrors.map((message) => ({ ...names, message, reason: undefined })),
  ]
}

function denied(request: AdmissionRequest, { policy, binding, message, reason = 'Invalid' }: Denial): ApiError {
  const text = `ValidatingAdmissionPolicy '${policy}'${binding === undefined ? '' : ` with binding '${binding}'`} denied request: ${message}`
  return deny(request, text, [{ message: text }], { reason: reason as 'Invalid', code: codes[reason] ?? 422 })
}

