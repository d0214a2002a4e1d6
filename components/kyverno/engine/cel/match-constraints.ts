import { matchesLabelSelector, type LabelSelector } from '@idp/formats'
import type { MatchConstraints, ResourceRule } from '../../kinds/cel-policy.ts'
import type { Request } from '../context.ts'
import type { GroupVersionResource } from './cel-source.ts'

/** What a match is decided by. */
export interface Matched { readonly request: Request; readonly resource: GroupVersionResource; readonly subresource?: string }

/** Whether constraints (as in a webhook configuration) are about a request. No resource rules match every resource. */
export function constraintsMatch(match: MatchConstraints, matched: Matched): boolean {
  const { request: { object, namespaceLabels = {} }, resource } = matched
  const isNamespace = resource.resource === 'namespaces' && resource.group === ''
  const namespace = isNamespace ? object.metadata.name ?? '' : object.metadata.namespace ?? ''
  if (match.namespaceSelector !== undefined && (namespace !== '' || isNamespace)) {
    const labels = isNamespace ? object.metadata.labels ?? {} : namespaceLabels
    if (!matchesLabelSelector(match.namespaceSelector as LabelSelector, { 'kubernetes.io/metadata.name': namespace, ...labels })) return false
  }
  if (match.objectSelector !== undefined && !matchesLabelSelector(match.objectSelector as LabelSelector, object.metadata.labels ?? {})) return false
  if ((match.excludeResourceRules ?? []).some((rule) => ruleMatches(rule, matched))) return false
  const rules = match.resourceRules ?? []
  return rules.length === 0 || rules.some((rule) => ruleMatches(rule, matched))
}

const includes = (list: readonly string[] | undefined, value: string): boolean => list !== undefined && (list.includes('*') || list.includes(value))

function ruleMatches(rule: ResourceRule, { request, resource, subresource = '' }: Matched): boolean {
  const { object, operation = 'CREATE' } = request
  if (rule.operations !== undefined && rule.operations.length > 0 && !includes(rule.operations, operation)) return false
  if (!includes(rule.apiGroups ?? ['*'], resource.group) || !includes(rule.apiVersions ?? ['*'], resource.version)) return false
  if (!(rule.resources ?? []).some((one) => resourceMatches(one, resource.resource, subresource))) return false
  if (rule.scope === 'Cluster' && object.metadata.namespace !== undefined) return false
  if (rule.scope === 'Namespaced' && object.metadata.namespace === undefined) return false
  const names = rule.resourceNames ?? []
  const { name = '', generateName = '' } = object.metadata
  return names.length === 0 || (name === '' ? generateName !== '' && names.some((one) => generateName.startsWith(one)) : names.includes(name))
}

function resourceMatches(pattern: string, resource: string, subresource: string): boolean {
  const [wanted = '', sub = ''] = pattern.split('/')
  return (wanted === '*' || wanted === resource) && (sub === '*' || sub === subresource || (pattern === '*' && subresource === ''))
}
