import type { Severity } from './advisory.ts'
import type { FailedCheck } from './config-audit.ts'

/** A rule of a Role or ClusterRole. */
export interface PolicyRule { readonly apiGroups?: readonly string[]; readonly resources?: readonly string[]; readonly verbs?: readonly string[]; readonly nonResourceURLs?: readonly string[] }

type Row = readonly [id: string, severity: Severity, title: string, remediation: string, wrong: (rule: PolicyRule) => boolean]

const writing = ['create', 'update', 'patch', 'delete', 'deletecollection', 'impersonate', '*']
const any = (held: readonly string[] | undefined, wanted: readonly string[]): boolean => wanted.some((one) => held?.includes(one) === true)
const allows = (verbs: readonly string[], resources: readonly string[], group = '') => (rule: PolicyRule): boolean => any(rule.verbs, verbs) && any(rule.resources, resources) && any(rule.apiGroups, [group, '*'])

const rows: readonly Row[] = [
  ['KSV041', 'CRITICAL', 'Manage secrets', 'Take Secrets out of the role, or name the ones that are needed', allows(['get', 'list', 'watch', ...writing], ['secrets'])],
  ['KSV042', 'MEDIUM', 'Delete pod logs', "Take 'delete' of 'pods/log' out of the role", allows(['delete', 'deletecollection', '*'], ['pods/log'])],
  ['KSV043', 'CRITICAL', 'Impersonate privileged groups', "Take the verb 'impersonate' out of the role", (rule) => any(rule.verbs, ['impersonate']) && any(rule.resources, ['groups', 'users', 'serviceaccounts', '*'])],
  ['KSV044', 'CRITICAL', 'Any verb on any resource', 'Name verbs and resources', (rule) => any(rule.verbs, ['*']) && any(rule.resources, ['*'])],
  ['KSV045', 'CRITICAL', 'Any verb on specific roles', 'Name the verbs', (rule) => any(rule.verbs, ['*']) && any(rule.resources, ['secrets', 'pods', 'deployments', 'daemonsets', 'statefulsets', 'replicationcontrollers', 'replicasets', 'cronjobs', 'jobs', 'roles', 'clusterroles', 'rolebindings', 'clusterrolebindings', 'users', 'groups'])],
  ['KSV046', 'CRITICAL', 'Specific verbs on any resource', 'Name the resources', (rule) => any(rule.resources, ['*']) && any(rule.verbs, ['create', 'update', 'delete', 'deletecollection', 'impersonate', 'list', 'get'])],
  ['KSV047', 'HIGH', 'Privilege escalation from node proxy', "Take 'nodes/proxy' out of the role", allows(['get', 'create', '*'], ['nodes/proxy'])],
  ['KSV048', 'MEDIUM', 'Manage workloads', 'Take the writing of workloads out of the role', (rule) => any(rule.verbs, writing) && any(rule.resources, ['pods', 'deployments', 'jobs', 'cronjobs', 'statefulsets', 'daemonsets', 'replicasets', 'replicationcontrollers'])],
  ['KSV049', 'MEDIUM', 'Manage configmaps', 'Take the writing of ConfigMaps out of the role', allows(writing, ['configmaps'])],
  ['KSV050', 'CRITICAL', 'Manage RBAC resources', 'Take the writing of roles and bindings out of the role', allows(['create', 'update', 'delete', 'deletecollection', 'impersonate', '*'], ['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'], 'rbac.authorization.k8s.io')],
  ['KSV053', 'HIGH', 'Getting shell on pods', "Take 'create' of 'pods/exec' out of the role", allows(['create', 'update', 'patch', 'delete', 'deletecollection', 'impersonate', '*'], ['pods/exec'])],
  ['KSV056', 'HIGH', 'Manage networking resources', 'Take the writing of network resources out of the role', (rule) => any(rule.verbs, writing) && any(rule.resources, ['services', 'endpoints', 'endpointslices', 'networkpolicies', 'ingresses'])],
  ['KSV114', 'CRITICAL', 'Manage webhook configurations', 'Take the writing of webhook configurations out of the role', (rule) => any(rule.verbs, writing) && any(rule.resources, ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'])],
]

/** What a role allows that a role should not. */
export function assessRole(kind: string, name: string, rules: readonly PolicyRule[]): FailedCheck[] {
  return rows.flatMap(([checkID, severity, title, remediation, wrong]) => {
    const bad = rules.filter(wrong)
    const messages = bad.map((rule) => `${kind} '${name}' allows ${rule.verbs?.join(', ')} of ${(rule.resources ?? rule.nonResourceURLs ?? []).join(', ')}`)
    return bad.length === 0 ? [] : [{ checkID, title, severity, category: 'Kubernetes Security Check', remediation, messages, success: false as const }]
  })
}
