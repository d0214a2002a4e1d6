import type { AnyObject, LabelSelector } from '@idp/formats'
import type { AdmissionPlugin, AdmissionRequest } from '../admission/admission.ts'
import { deny } from '../admission/deny.ts'
import { equalJson } from '../json-value.ts'
import type { ServerContext } from '../server-context.ts'
import { storedList } from '../stored-list.ts'
import type { MatchedAs } from '../webhook/match-webhook.ts'
import { replaceContent } from '../webhook/replace-content.ts'
import type { CompiledMutatingPolicy, MutatingPolicySpec } from './mutating-policy.ts'
import { matchPolicy, type PolicyMatch } from './policy-match.ts'
import { collectParams, ConfigurationError, type ParamRef } from './policy-params.ts'
import { isExempt } from './validating-policies.ts'

type Context = Pick<ServerContext, 'storage' | 'registry' | 'authorizer'>
type Engine = typeof import('./mutating-policy.ts') & typeof import('./admission-bindings.ts')

interface Binding { readonly metadata: AnyObject['metadata']; readonly spec: { readonly policyName?: string; readonly paramRef?: ParamRef; readonly matchResources?: PolicyMatch & { readonly objectSelector?: LabelSelector } } }
interface Policy { readonly metadata: AnyObject['metadata']; readonly spec: MutatingPolicySpec }
interface Invocation { readonly policy: Policy; readonly binding: Binding; readonly as: MatchedAs; readonly param: AnyObject | undefined }

/** MutatingAdmissionPolicies and their bindings, which change objects before the webhooks see them (https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/). */
export function mutatingPolicies(server: Context): AdmissionPlugin {
  const compiled = new Map<string, { readonly revision: string | undefined; readonly policy: CompiledMutatingPolicy }>()
  const stored = <T>(plural: string) => storedList(server, { group: 'admissionregistration.k8s.io', version: 'v1beta1', plural }, (objects) => objects as unknown as readonly T[])
  const bindings = stored<Binding>('mutatingadmissionpolicybindings')
  const policies = stored<Policy>('mutatingadmissionpolicies')
  const compile = (engine: Engine, { metadata, spec }: Policy): CompiledMutatingPolicy => {
    const known = compiled.get(metadata.uid ?? '')
    if (known && known.revision === metadata.resourceVersion) return known.policy
    const policy = engine.compileMutatingPolicy(spec)
    compiled.set(metadata.uid ?? '', { revision: metadata.resourceVersion, policy })
    return policy
  }
  const invoke = async (engine: Engine, { policy, binding, as, param }: Invocation, request: AdmissionRequest): Promise<boolean> => {
    if (request.object === undefined) return false
    const program = compile(engine, policy)
    const values = await engine.admissionBindings(server, request, as)
    const result = engine.runMutatingPolicy(program, values, param, request.object, request.resource.schema)
    if ('error' in result) {
      if (program.fails) throw refused(request, policy, binding, result.error)
      return false
    }
    if (equalJson(result.object, request.object)) return false
    replaceContent(request.object, result.object)
    request.resource.normalize(request.object)
    return true
  }
  return {
    name: 'MutatingAdmissionPolicy',
    mayChange: () => bindings.current().length > 0,
    mutate(request) {
      if (isExempt(request) || request.object === undefined || bindings.current().length === 0) return
      const invocations = policies.current().flatMap((policy) => invocationsOf(server, policy, bindings.current(), request))
      return invocations.length === 0 ? undefined : run(invocations, request)
    },
  }
  async function run(invocations: readonly Invocation[], request: AdmissionRequest): Promise<void> {
    const engine: Engine = { ...await import('./mutating-policy.ts'), ...await import('./admission-bindings.ts') }
    // Policies that ask for it run once more when one behind them changed the object.
    const again = new Set<Invocation>()
    const ran: Invocation[] = []
    for (const invocation of invocations) {
      if (await invoke(engine, invocation, request)) for (const before of ran) if (before.policy.spec.reinvocationPolicy === 'IfNeeded') again.add(before)
      ran.push(invocation)
    }
    for (const invocation of again) await invoke(engine, invocation, request)
  }
}

function invocationsOf(server: Context, policy: Policy, bindings: readonly Binding[], request: AdmissionRequest): Invocation[] {
  const as = matchPolicy(server, policy.spec.matchConstraints, request, 'none')
  if (!as) return []
  return bindings.filter(({ spec }) => spec.policyName === policy.metadata.name && matchPolicy(server, spec.matchResources, request, 'all')).flatMap((binding) => {
    try {
      return collectParams(server, policy.spec.paramKind, binding.spec.paramRef, request.namespace).map((param) => ({ policy, binding, as, param }))
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error
      if (policy.spec.failurePolicy === 'Ignore') return []
      throw refused(request, policy, binding, `failed to configure binding: ${error.message}`)
    }
  })
}

function refused(request: AdmissionRequest, policy: Policy, binding: Binding, why: string) {
  const text = `policy '${policy.metadata.name ?? ''}' with binding '${binding.metadata.name ?? ''}' denied request: ${why}`
  return deny(request, text, [{ message: text }], { reason: 'Invalid', code: 422 })
}
