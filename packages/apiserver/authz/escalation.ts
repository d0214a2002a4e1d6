import { ApiError } from '@idp/api'
import type { AdmissionPlugin, AdmissionRequest } from '../admission/admission.ts'
import { isRecord } from '../json-value.ts'
import { detailsOf, qualifiedResource } from '../object-storage.ts'
import type { User } from '../server-context.ts'
import { breakdown, covers, ruleText, type PolicyRule } from './policy-rule.ts'
import type { Rbac } from './rbac.ts'

/** Nobody may grant more than they hold, unless they may `escalate` the role or `bind` to it. */
export function escalationCheck(rbac: Rbac): AdmissionPlugin {
  return {
    name: 'RBACEscalation',
    validate(request) {
      if (request.resource.kind.group !== 'rbac.authorization.k8s.io' || request.object === undefined || request.subresource !== '') return
      const { plural } = request.resource.kind
      if (plural === 'roles' || plural === 'clusterroles') checkRole(rbac, request)
      else checkBinding(rbac, request)
    },
  }
}

function checkRole(rbac: Rbac, request: AdmissionRequest): void {
  if (request.user.groups.includes('system:masters') || may(rbac, request, 'escalate', request.resource.kind.plural, request.name)) return
  const aggregation = request.object?.['aggregationRule']
  const rules = isRecord(aggregation) ? [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }] : ((request.object?.['rules'] ?? []) as PolicyRule[])
  confirm(rbac, request, rules)
}

function checkBinding(rbac: Rbac, request: AdmissionRequest): void {
  const ref = request.object?.['roleRef'] as { kind: string; name: string } | undefined
  if (ref === undefined || request.user.groups.includes('system:masters')) return
  if (may(rbac, request, 'bind', ref.kind === 'ClusterRole' ? 'clusterroles' : 'roles', ref.name)) return
  const rules = rbac.rulesOfRole(ref.kind, ref.name, request.namespace)
  if (rules === undefined) {
    const plural = ref.kind === 'ClusterRole' ? 'clusterroles' : 'roles'
    throw new ApiError('NotFound', `${plural}.rbac.authorization.k8s.io "${ref.name}" not found`, { details: { name: ref.name, group: 'rbac.authorization.k8s.io', kind: plural } })
  }
  confirm(rbac, request, rules)
}

function may(rbac: Rbac, { user, namespace }: AdmissionRequest, verb: string, resource: string, name: string): boolean {
  return rbac.authorize(user, { verb, isResource: true, path: '', group: 'rbac.authorization.k8s.io', version: 'v1', resource, subresource: '', namespace, name }).allowed
}

function confirm(rbac: Rbac, request: AdmissionRequest, wanted: readonly PolicyRule[]): void {
  const owned = rbac.rulesOf(request.user, request.namespace)
  const missing = wanted.filter((rule) => !breakdown(rule).every((single) => covers(owned, single)))
  if (missing.length === 0) return
  throw new ApiError('Forbidden', `${qualifiedResource(request.resource)} "${request.name}" is forbidden: user ${userText(request.user)} is attempting to grant RBAC permissions not currently held:\n${missing.map(ruleText).join('\n')}`, { details: detailsOf(request.resource, request.name) })
}

function userText(user: User): string {
  return `${JSON.stringify(user.name)} (groups=[${user.groups.map((group) => JSON.stringify(group)).join(' ')}])`
}
