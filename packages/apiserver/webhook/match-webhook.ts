import { matchesLabelSelector, type LabelSelector } from '@idp/formats'
import type { AdmissionRequest } from '../admission/admission.ts'
import type { ServerContext } from '../server-context.ts'

export interface MatchRule {
  operations?: string[]
  apiGroups?: string[]
  apiVersions?: string[]
  resources?: string[]
  scope?: string
  resourceNames?: string[]
}

export interface MatchConstraints {
  rules?: MatchRule[]
  matchPolicy?: string
  namespaceSelector?: LabelSelector
  objectSelector?: LabelSelector
}

/** The group, version and resource that a webhook or policy sees a request as; undefined when it does not concern it. */
export interface MatchedAs { readonly group: string; readonly version: string; readonly resource: string; readonly kind: string }

/** Finds how `constraints` see a request. With `matchPolicy: Equivalent` (the default) other served versions of the resource count too. */
export function matchRequest(server: Pick<ServerContext, 'storage' | 'registry'>, constraints: MatchConstraints, request: AdmissionRequest): MatchedAs | undefined {
  const matched = (constraints.rules ?? []).map((rule) => matchRule(server, rule, constraints.matchPolicy ?? 'Equivalent', request)).find((found) => found !== undefined)
  if (matched === undefined) return undefined
  return matchesNamespace(server, constraints.namespaceSelector, request) && matchesObject(constraints.objectSelector, request) ? matched : undefined
}

/**
 * Whether a request could concern `constraints` by what it does and to which resource; names, namespaces and labels are not looked at.
 * Holds for all requests of the same operation, resource, subresource and scope, as long as the same resources are served.
 */
export function mayConcern(server: Pick<ServerContext, 'registry'>, { rules = [], matchPolicy = 'Equivalent' }: MatchConstraints, request: AdmissionRequest): boolean {
  return rules.some(({ resourceNames: _names, ...rule }) => matchRule(server, rule, matchPolicy, request) !== undefined)
}

function matchRule({ registry }: Pick<ServerContext, 'registry'>, rule: MatchRule, policy: string, request: AdmissionRequest): MatchedAs | undefined {
  const { kind } = request.resource
  if (!includes(rule.operations, request.operation) || !matchesScope(rule.scope ?? '*', request) || !matchesResource(rule.resources ?? [], kind.plural, request.subresource)) return undefined
  if ((rule.resourceNames?.length ?? 0) > 0 && rule.resourceNames?.includes(request.name) !== true) return undefined
  const as = (version: string, kindName: string) => ({ group: kind.group, version, resource: kind.plural, kind: kindName })
  if (includes(rule.apiGroups, kind.group) && includes(rule.apiVersions, kind.version)) return as(kind.version, kind.kind)
  if (policy !== 'Equivalent' || !includes(rule.apiGroups, kind.group)) return undefined
  const other = registry.versions(kind.group, kind.plural).find((resource) => includes(rule.apiVersions, resource.kind.version))
  return other === undefined ? undefined : as(other.kind.version, other.kind.kind)
}

function includes(list: readonly string[] | undefined, value: string): boolean {
  return list !== undefined && (list.includes('*') || list.includes(value))
}

function matchesScope(scope: string, { resource, namespace }: AdmissionRequest): boolean {
  if (scope === '*') return true
  // A Namespace is an object of the cluster even though its requests carry a namespace.
  const namespaced = namespace !== '' && resource.kind.scope === 'Namespaced'
  return (scope === 'Namespaced') === namespaced
}

function matchesResource(patterns: readonly string[], plural: string, subresource: string): boolean {
  return patterns.some((pattern) => {
    const [resource = '', sub = ''] = pattern.split('/')
    return (resource === '*' || resource === plural) && (sub === '*' || sub === subresource)
  })
}

function matchesNamespace({ storage, registry }: Pick<ServerContext, 'storage' | 'registry'>, selector: LabelSelector | undefined, request: AdmissionRequest): boolean {
  if (isEmpty(selector)) return true
  if (request.resource.kind.group === '' && request.resource.kind.plural === 'namespaces') {
    return matchesLabelSelector(selector, (request.object ?? request.old)?.metadata.labels ?? {})
  }
  if (request.namespace === '') return true
  const namespaces = registry.find('', 'v1', 'namespaces')
  const labels = namespaces === undefined ? undefined : storage.find(namespaces, { name: request.namespace })?.metadata.labels
  return matchesLabelSelector(selector, labels ?? {})
}

function matchesObject(selector: LabelSelector | undefined, { object, old }: AdmissionRequest): boolean {
  if (isEmpty(selector)) return true
  return [object, old].some((candidate) => candidate !== undefined && matchesLabelSelector(selector, candidate.metadata.labels ?? {}))
}

function isEmpty(selector: LabelSelector | undefined): selector is undefined {
  return selector === undefined || (Object.keys(selector.matchLabels ?? {}).length === 0 && (selector.matchExpressions?.length ?? 0) === 0)
}
