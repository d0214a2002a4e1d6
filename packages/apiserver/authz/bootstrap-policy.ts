import type { PolicyRule } from './policy-rule.ts'

export interface BootstrapRole {
  readonly name: string
  readonly labels?: Readonly<Record<string, string>>
  readonly rules: readonly PolicyRule[]
  /** Label that roles carry which add to this one. */
  readonly aggregates?: string
}

export interface BootstrapBinding {
  readonly name: string
  readonly role: string
  readonly subjects: readonly { readonly kind: 'User' | 'Group' | 'ServiceAccount'; readonly name: string; readonly namespace?: string }[]
}

const read = ['get', 'list', 'watch']
const write = ['create', 'delete', 'deletecollection', 'patch', 'update']
const all = [...read, ...write]
const rule = (apiGroups: string | readonly string[], resources: readonly string[], verbs: readonly string[], more: Partial<PolicyRule> = {}): PolicyRule =>
  ({ apiGroups: typeof apiGroups === 'string' ? [apiGroups] : apiGroups, resources, verbs, ...more })
const urls = (nonResourceURLs: readonly string[], verbs: readonly string[] = ['get']): PolicyRule => ({ nonResourceURLs, verbs })
const to = (role: string) => ({ [`rbac.authorization.k8s.io/aggregate-to-${role}`]: 'true' })
const events = rule(['', 'events.k8s.io'], ['events'], ['create', 'patch', 'update'])
const leases = (...names: string[]) => [rule('coordination.k8s.io', ['leases'], ['create']), rule('coordination.k8s.io', ['leases'], ['get', 'update', 'patch'], { resourceNames: names })]
const reviews = [rule('authentication.k8s.io', ['tokenreviews'], ['create']), rule('authorization.k8s.io', ['subjectaccessreviews'], ['create'])]

/** What application teams work with: seen by `view`, written by `edit`. */
const workloads: readonly (readonly [string, readonly string[]])[] = [
  ['', ['configmaps', 'endpoints', 'persistentvolumeclaims', 'pods', 'replicationcontrollers', 'replicationcontrollers/scale', 'serviceaccounts', 'services']],
  ['apps', ['daemonsets', 'deployments', 'deployments/scale', 'replicasets', 'replicasets/scale', 'statefulsets', 'statefulsets/scale', 'controllerrevisions']],
  ['autoscaling', ['horizontalpodautoscalers']], ['batch', ['cronjobs', 'jobs']], ['policy', ['poddisruptionbudgets']],
  ['networking.k8s.io', ['ingresses', 'networkpolicies']], ['discovery.k8s.io', ['endpointslices']],
]

/** ClusterRoles that every cluster starts with. */
export const bootstrapRoles: readonly BootstrapRole[] = [
  { name: 'cluster-admin', rules: [rule('*', ['*'], ['*']), urls(['*'], ['*'])] },
  { name: 'system:discovery', rules: [urls(['/api', '/api/*', '/apis', '/apis/*', '/healthz', '/livez', '/openapi', '/openapi/*', '/readyz', '/version', '/version/'])] },
  { name: 'system:public-info-viewer', rules: [urls(['/healthz', '/livez', '/readyz', '/version', '/version/'])] },
  { name: 'system:basic-user', rules: [rule('authorization.k8s.io', ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'], ['create']), rule('authentication.k8s.io', ['selfsubjectreviews'], ['create'])] },
  { name: 'system:monitoring', rules: [urls(['/metrics', '/metrics/slis', '/livez', '/readyz', '/healthz', '/livez/*', '/readyz/*', '/healthz/*'])] },
  { name: 'system:heapster', rules: [rule('', ['events', 'namespaces', 'nodes', 'pods'], read), rule('apps', ['deployments'], read)] },
  { name: 'system:auth-delegator', rules: reviews },
  { name: 'system:service-account-issuer-discovery', rules: [urls(['/.well-known/openid-configuration', '/.well-known/openid-configuration/', '/openid/v1/jwks', '/openid/v1/jwks/'])] },
  { name: 'admin', aggregates: 'admin', rules: [] },
  { name: 'edit', aggregates: 'edit', labels: to('admin'), rules: [] },
  { name: 'view', aggregates: 'view', labels: to('edit'), rules: [] },
  {
    name: 'system:aggregate-to-admin', labels: to('admin'),
    rules: [rule('authorization.k8s.io', ['localsubjectaccessreviews'], ['create']), rule('rbac.authorization.k8s.io', ['rolebindings', 'roles'], all)],
  },
  {
    name: 'system:aggregate-to-edit', labels: to('edit'),
    rules: [
      rule('', ['pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'secrets', 'services/proxy'], read),
      rule('', ['serviceaccounts'], ['impersonate']), rule('', ['serviceaccounts/token'], ['create']), rule('', ['pods/eviction'], ['create']),
      rule('', ['pods', 'pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'secrets', 'services/proxy', 'events'], write),
      ...workloads.filter(([group]) => group !== 'discovery.k8s.io').map(([group, resources]) => rule(group, resources, write)), rule('coordination.k8s.io', ['leases'], all),
    ],
  },
  {
    name: 'system:aggregate-to-view', labels: to('view'),
    rules: [
      ...workloads.map(([group, resources]) => rule(group, resources.flatMap((resource) => resource.includes('/') || ['configmaps', 'endpoints', 'serviceaccounts', 'endpointslices', 'controllerrevisions'].includes(resource) ? [resource] : [resource, `${resource}/status`]), read)),
      rule('', ['bindings', 'events', 'limitranges', 'namespaces', 'namespaces/status', 'pods/log', 'resourcequotas', 'resourcequotas/status'], read),
    ],
  },
  {
    name: 'system:node',
    rules: [
      ...reviews, rule('authorization.k8s.io', ['localsubjectaccessreviews'], ['create']),
      rule('', ['services'], read), rule('', ['nodes'], ['create', ...read]), rule('', ['nodes', 'nodes/status'], ['patch', 'update']), events,
      rule('', ['pods'], [...read, 'create', 'delete']), rule('', ['pods/status'], ['patch', 'update']), rule('', ['pods/eviction'], ['create']),
      rule('', ['configmaps', 'secrets'], read), rule('', ['persistentvolumeclaims', 'persistentvolumes'], ['get', 'list', 'watch']), rule('', ['persistentvolumeclaims/status'], ['get', 'patch', 'update']),
      rule('', ['endpoints'], ['get']), rule('certificates.k8s.io', ['certificatesigningrequests'], ['create', ...read]),
      rule('coordination.k8s.io', ['leases'], ['create', 'delete', 'get', 'patch', 'update']), rule('storage.k8s.io', ['volumeattachments'], ['get']),
      rule('', ['serviceaccounts/token'], ['create']), rule('storage.k8s.io', ['csidrivers'], read), rule('storage.k8s.io', ['csinodes'], ['create', 'delete', 'get', 'patch', 'update']),
      rule('node.k8s.io', ['runtimeclasses'], read), rule('discovery.k8s.io', ['endpointslices'], read), rule('networking.k8s.io', ['networkpolicies'], read), rule('', ['namespaces'], read),
    ],
  },
  { name: 'system:node-proxier', rules: [rule('', ['endpoints', 'services'], ['list', 'watch']), rule('', ['nodes'], read), events, rule('discovery.k8s.io', ['endpointslices'], ['list', 'watch']), rule('networking.k8s.io', ['servicecidrs'], ['list', 'watch'])] },
  {
    name: 'system:kube-scheduler',
    rules: [
      events, ...leases('kube-scheduler'), rule('', ['nodes'], read), rule('', ['pods'], ['delete', ...read]), rule('', ['bindings', 'pods/binding'], ['create']), rule('', ['pods/status'], ['patch', 'update']),
      rule('', ['replicationcontrollers', 'services', 'namespaces', 'persistentvolumes'], read), rule('apps', ['replicasets', 'statefulsets'], read), rule('policy', ['poddisruptionbudgets'], read),
      rule('', ['persistentvolumeclaims'], [...read, 'patch', 'update']), ...reviews, rule('storage.k8s.io', ['csinodes', 'csidrivers', 'csistoragecapacities', 'storageclasses', 'volumeattachments'], read),
      rule('scheduling.k8s.io', ['priorityclasses'], read), rule('resource.k8s.io', ['deviceclasses', 'resourceslices'], read), rule('resource.k8s.io', ['resourceclaims'], [...read, 'patch', 'update']), rule('resource.k8s.io', ['resourceclaims/status'], ['patch', 'update']),
    ],
  },
  {
    name: 'system:kube-controller-manager',
    rules: [
      events, ...leases('kube-controller-manager'), rule('', ['secrets', 'serviceaccounts'], ['create', 'get', 'update']), rule('', ['secrets'], ['delete']), rule('', ['configmaps', 'namespaces'], ['get']),
      ...reviews, rule('*', ['*'], ['list', 'watch']), rule('', ['serviceaccounts/token'], ['create']),
    ],
  },
  { name: 'system:kube-dns', rules: [rule('', ['endpoints', 'services'], ['list', 'watch'])] },
  { name: 'system:coredns', rules: [rule('', ['endpoints', 'services', 'pods', 'namespaces'], ['list', 'watch']), rule('discovery.k8s.io', ['endpointslices'], ['list', 'watch'])] },
  { name: 'system:persistent-volume-provisioner', rules: [rule('', ['persistentvolumes'], ['create', 'delete', ...read]), rule('', ['persistentvolumeclaims'], [...read, 'update']), rule('storage.k8s.io', ['storageclasses'], read), rule('', ['events'], ['watch']), events] },
  { name: 'system:kube-aggregator', rules: [rule('', ['endpoints', 'services'], read)] },
  // One role for the loops that upstream gives one each: they change what other people's objects ask for.
  { name: 'system:controllers', rules: [rule('*', ['*'], ['*']), urls(['*'])] },
]

const group = (name: string) => ({ kind: 'Group' as const, name })
const user = (name: string) => ({ kind: 'User' as const, name })

/** ClusterRoleBindings that every cluster starts with. */
export const bootstrapBindings: readonly BootstrapBinding[] = [
  { name: 'cluster-admin', role: 'cluster-admin', subjects: [group('system:masters')] },
  { name: 'system:discovery', role: 'system:discovery', subjects: [group('system:authenticated')] },
  { name: 'system:basic-user', role: 'system:basic-user', subjects: [group('system:authenticated')] },
  { name: 'system:public-info-viewer', role: 'system:public-info-viewer', subjects: [group('system:authenticated')] },
  { name: 'system:monitoring', role: 'system:monitoring', subjects: [group('system:monitoring')] },
  { name: 'system:service-account-issuer-discovery', role: 'system:service-account-issuer-discovery', subjects: [group('system:serviceaccounts')] },
  { name: 'system:node', role: 'system:node', subjects: [group('system:nodes')] },
  { name: 'system:node-proxier', role: 'system:node-proxier', subjects: [user('system:kube-proxy')] },
  { name: 'system:kube-scheduler', role: 'system:kube-scheduler', subjects: [user('system:kube-scheduler')] },
  { name: 'system:kube-controller-manager', role: 'system:kube-controller-manager', subjects: [user('system:kube-controller-manager')] },
  { name: 'system:controllers', role: 'system:controllers', subjects: [user('system:kube-controller-manager')] },
  { name: 'system:coredns', role: 'system:coredns', subjects: [{ kind: 'ServiceAccount', name: 'coredns', namespace: 'kube-system' }] },
]
