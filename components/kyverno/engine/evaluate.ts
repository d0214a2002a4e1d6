import type { AnyObject, Json, JsonObject } from '@idp/formats'
import { jmesPath } from '@idp/lang-jmespath'
import { messageOf } from '@idp/kit'
import type { ContextEntry, PolicyObject, Rule } from '../kinds/policy.ts'
import { rulesOf } from './autogen.ts'
import { conditionsHold } from './conditions.ts'
import { matchPattern } from './match-pattern.ts'
import { ruleMatches, type Subject } from './match-resource.ts'
import { mutateObject } from './mutate.ts'
import { substitute, type Scope } from './variables.ts'

export type Verdict = 'pass' | 'fail' | 'skip' | 'error'

/** What one rule says of one resource. */
export interface RuleResult {
  readonly policy: string
  readonly rule: string
  readonly verdict: Verdict
  readonly message: string
  /** True when a failure refuses the request; otherwise it is only reported. */
  readonly enforced: boolean
}

/** Where a rule's context comes from: the only I/O of the engine. */
export interface ContextSource {
  configMap(name: string, namespace: string): Promise<JsonObject | undefined>
  /** A GET of the Kubernetes API. */
  api(path: string): Promise<Json>
}

export interface Request extends Subject { readonly oldObject?: AnyObject | undefined }

/** Fields of a rule this engine does not evaluate; a policy with one is refused by name at admission. */
const unsupported: Readonly<Record<'rule' | 'validate' | 'mutate', readonly string[]>> = {
  rule: ['verifyImages', 'generate', 'celPreconditions'], validate: ['podSecurity', 'cel', 'manifests', 'foreach', 'assert'], mutate: ['foreach', 'targets'],
}

/** Names of the features in a policy that are not there, e.g. `rules[0].validate.cel`; empty when all are. */
export function unsupportedFeatures(policy: PolicyObject): string[] {
  return policy.spec.rules.flatMap((rule, index) => (Object.keys(unsupported) as (keyof typeof unsupported)[]).flatMap((part) => {
    const fields = (part === 'rule' ? rule : rule[part]) as Readonly<Record<string, unknown>> | undefined
    const at = part === 'rule' ? `rules[${index}]` : `rules[${index}].${part}`
    return unsupported[part].filter((name) => fields?.[name] !== undefined).map((name) => `${at}.${name}`)
  }))
}

/** Runs the validate rules of a policy on a resource, those derived for pod controllers included. Rules that are not about the resource give nothing. */
export async function validateResource(policy: PolicyObject, request: Request, source: ContextSource): Promise<RuleResult[]> {
  const results: RuleResult[] = []
  for (const rule of rulesOf(policy)) {
    if (rule.validate === undefined || !ruleMatches(rule, request)) continue
    results.push({ policy: policy.metadata.name ?? '', rule: rule.name, enforced: isEnforced(policy, rule, request), ...(await runValidate(rule, request, source)) })
  }
  return results
}

async function runValidate(rule: Rule, request: Request, source: ContextSource): Promise<{ verdict: Verdict; message: string }> {
  try {
    const scope = await scopeOf(rule.context ?? [], request, source)
    if (!conditionsHold(rule.preconditions, scope)) return { verdict: 'skip', message: 'preconditions not met' }
    return judge(rule, request, scope)
  } catch (error) {
    return { verdict: 'error', message: messageOf(error) }
  }
}

function judge(rule: Rule, { object }: Request, scope: Scope): { verdict: Verdict; message: string } {
  const { pattern, anyPattern, deny, message = '' } = rule.validate ?? {}
  const said = () => String(substitute(message as Json, scope))
  if (deny !== undefined) return conditionsHold(deny.conditions, scope) ? { verdict: 'fail', message: said() } : { verdict: 'pass', message: `validation rule '${rule.name}' passed.` }
  const options = (pattern !== undefined ? [pattern] : anyPattern ?? []).map((one) => matchPattern(substitute(one, scope), object as unknown as Json))
  if (options.some((result) => result.type === 'pass')) return { verdict: 'pass', message: `validation rule '${rule.name}' passed.` }
  const skipped = options.find((result) => result.type === 'skip')
  if (skipped !== undefined && options.every((result) => result.type === 'skip')) return { verdict: 'skip', message: skipped.type === 'skip' ? skipped.message : '' }
  const paths = options.flatMap((result) => (result.type === 'fail' ? [`rule ${rule.name} failed at path ${result.path}`] : []))
  const text = said()
  return { verdict: 'fail', message: text === '' ? `validation error: ${paths.join(', ')}` : `validation error: ${text}${text.endsWith('.') ? '' : '.'} ${paths.join(', ')}` }
}

function isEnforced(policy: PolicyObject, rule: Rule, { object }: Request): boolean {
  const namespace = object.kind === 'Namespace' ? object.metadata.name : object.metadata.namespace
  const overrides = rule.validate?.failureActionOverrides ?? policy.spec.validationFailureActionOverrides ?? []
  const override = overrides.find(({ namespaces }) => namespaces === undefined || namespaces.includes(namespace ?? ''))
  return (override?.action ?? rule.validate?.failureAction ?? policy.spec.validationFailureAction ?? 'Audit').toLowerCase() === 'enforce'
}

/** Applies the mutate rules of a policy, each to what the one before made; gives the object and the rules that changed it. Throws when a rule fails. */
export async function mutateResource(policy: PolicyObject, request: Request, source: ContextSource): Promise<{ object: AnyObject; rules: readonly string[] }> {
  let object = request.object
  const rules: string[] = []
  for (const rule of rulesOf(policy)) {
    if (rule.mutate === undefined || !ruleMatches(rule, { ...request, object })) continue
    const scope = await scopeOf(rule.context ?? [], { ...request, object }, source)
    if (!conditionsHold(rule.preconditions, scope)) continue
    const changed = mutateObject(rule.mutate, object, scope)
    if (changed !== object) rules.push(rule.name)
    object = changed
  }
  return { object, rules }
}

async function scopeOf(context: readonly ContextEntry[], request: Request, source: ContextSource): Promise<Scope> {
  const { object, oldObject, operation, user, namespaceLabels } = request
  const scope: Record<string, Json> = {
    request: {
      object: object as unknown as Json, oldObject: (oldObject ?? null) as unknown as Json, operation: operation ?? 'CREATE', namespace: object.metadata.namespace ?? '', name: object.metadata.name ?? '',
      userInfo: { username: user?.username ?? '', groups: [...(user?.groups ?? [])] }, roles: [...(user?.roles ?? [])], clusterRoles: [...(user?.clusterRoles ?? [])],
      kind: { kind: object.kind, group: object.apiVersion.includes('/') ? object.apiVersion.split('/')[0] ?? '' : '', version: object.apiVersion.split('/').at(-1) ?? '' },
    },
    serviceAccountName: user?.username.startsWith('system:serviceaccount:') === true ? user.username.split(':')[3] ?? '' : '',
    serviceAccountNamespace: user?.username.startsWith('system:serviceaccount:') === true ? user.username.split(':')[2] ?? '' : '',
    namespaceLabels: { ...namespaceLabels },
  }
  for (const entry of context) scope[entry.name] = await contextValue(entry, scope, source)
  return scope
}

async function contextValue({ variable, configMap, apiCall }: ContextEntry, scope: Scope, source: ContextSource): Promise<Json> {
  if (configMap !== undefined) return (await source.configMap(String(substitute(configMap.name, scope)), String(substitute(configMap.namespace ?? 'default', scope)))) ?? {}
  if (apiCall?.urlPath !== undefined) {
    const answer = await source.api(String(substitute(apiCall.urlPath, scope)))
    return apiCall.jmesPath === undefined ? answer : jmesPath(String(substitute(apiCall.jmesPath, scope))).evaluate(answer) ?? apiCall.default ?? null
  }
  const value = variable?.value === undefined ? scope as JsonObject : substitute(variable.value, scope)
  const found = variable?.jmesPath === undefined ? value : jmesPath(String(substitute(variable.jmesPath, scope))).evaluate(value)
  return found ?? variable?.default ?? null
}
