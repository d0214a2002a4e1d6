import { parseQuantity, quantityToNumber, type KubeObject } from '@idp/formats'
import type { MetricFamily } from './metrics-text.ts'

type Fields = Readonly<Record<string, unknown>>
export interface Sample { readonly labels: Readonly<Record<string, string>>; readonly value: number }

/** One family of kube-state-metrics and what it says of an object. */
export interface StateFamily { readonly name: string; readonly type: MetricFamily['type']; readonly help: string; readonly of: (object: KubeObject & Fields) => readonly Sample[] }

/** One kind and its families. */
export interface StateResource { readonly group: string; readonly version: string; readonly kind: string; readonly plural: string; readonly scope: 'Namespaced' | 'Cluster'; readonly families: readonly StateFamily[] }

/** The value at a path, with lists and text left as they are. */
function at(object: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (value === null || typeof value !== 'object' ? undefined : (value as Fields)[key]), object)
}
const numberAt = (object: unknown, ...path: readonly string[]): number | undefined => { const value = at(object, ...path); return typeof value === 'number' ? value : undefined }
const textAt = (object: unknown, ...path: readonly string[]): string => { const value = at(object, ...path); return typeof value === 'string' ? value : '' }
const listAt = (object: unknown, ...path: readonly string[]): readonly unknown[] => { const value = at(object, ...path); return Array.isArray(value) ? value : [] }
const seconds = (stamp: string): number | undefined => { const ms = Date.parse(stamp); return Number.isNaN(ms) ? undefined : ms / 1000 }
const amount = (text: unknown): number => (typeof text === 'number' ? text : quantityToNumber(parseQuantity(String(text))))

interface Word { readonly label: string; readonly namespaced: boolean }

/** Labels that name an object: `namespace` and its kind's own. */
const named = ({ label, namespaced }: Word) => ({ metadata }: KubeObject): Record<string, string> => ({ ...(namespaced ? { namespace: metadata.namespace ?? '' } : {}), [label]: metadata.name ?? '' })

type Maker = (word: Word) => StateFamily
const family = (name: string, help: string, of: (object: KubeObject & Fields, base: Record<string, string>) => readonly Sample[], type: MetricFamily['type'] = 'gauge'): Maker => (word) => ({ name, help, type, of: (object) => of(object, named(word)(object)) })
const value = (name: string, help: string, read: (object: KubeObject & Fields) => number | undefined, type: MetricFamily['type'] = 'gauge'): Maker => family(name, help, (object, base) => { const found = read(object); return found === undefined ? [] : [{ labels: base, value: found }] }, type)
const field = (name: string, help: string, ...path: readonly string[]): Maker => value(name, help, (object) => numberAt(object, ...path))
const created = (name: string): Maker => value(name, 'Unix creation timestamp', ({ metadata }) => seconds(metadata.creationTimestamp ?? ''))
const info = (name: string, help: string, labels: (object: KubeObject & Fields) => Record<string, string>): Maker => family(name, help, (object, base) => [{ labels: { ...base, ...labels(object) }, value: 1 }])
const statuses = ['true', 'false', 'unknown']
const conditions = (name: string): Maker => family(name, 'The current status conditions.', (object, base) => listAt(object, 'status', 'conditions').flatMap((one) => statuses.map((status) => ({ labels: { ...base, condition: textAt(one, 'type'), status }, value: textAt(one, 'status').toLowerCase() === status ? 1 : 0 }))))
const oneOf = (name: string, help: string, label: string, all: readonly string[], read: (object: KubeObject & Fields) => string): Maker => family(name, help, (object, base) => all.map((one) => ({ labels: { ...base, [label]: one }, value: read(object) === one ? 1 : 0 })))

const containers = (object: KubeObject & Fields): readonly unknown[] => listAt(object, 'spec', 'containers')
const containerStatuses = (object: KubeObject & Fields): readonly unknown[] => listAt(object, 'status', 'containerStatuses')
const perContainer = (name: string, help: string, read: (status: unknown) => number, type: MetricFamily['type'] = 'gauge'): Maker =>
  family(name, help, (object, base) => containerStatuses(object).map((status) => ({ labels: { ...base, uid: object.metadata.uid ?? '', container: textAt(status, 'name') }, value: read(status) })), type)
const reasons = (name: string, help: string, ...path: readonly string[]): Maker => family(name, help, (object, base) => containerStatuses(object).flatMap((status) => { const reason = textAt(status, ...path); return reason === '' ? [] : [{ labels: { ...base, uid: object.metadata.uid ?? '', container: textAt(status, 'name'), reason }, value: 1 }] }))
const units: Readonly<Record<string, string>> = { cpu: 'core', memory: 'byte', 'ephemeral-storage': 'byte', pods: 'integer' }
const containerResources = (what: 'requests' | 'limits'): Maker => family(`kube_pod_container_resource_${what}`, `The number of ${what} by a container.`, (object, base) => containers(object).flatMap((container) => Object.entries((at(container, 'resources', what) ?? {}) as Fields).map(([resource, quantity]) => ({
  labels: { ...base, uid: object.metadata.uid ?? '', container: textAt(container, 'name'), node: textAt(object, 'spec', 'nodeName'), resource: resource.replace(/[^a-zA-Z0-9_]/g, '_'), unit: units[resource] ?? 'integer' }, value: amount(quantity),
}))))
const nodeResources = (name: string, ...path: readonly string[]): Maker => family(name, 'The resources of a node.', (object, base) => Object.entries((at(object, ...path) ?? {}) as Fields).map(([resource, quantity]) => ({ labels: { ...base, resource: resource.replace(/[^a-zA-Z0-9_]/g, '_'), unit: units[resource] ?? 'integer' }, value: amount(quantity) })))

function owner({ metadata }: KubeObject): Record<string, string> {
  const found = metadata.ownerReferences?.find(({ controller }) => controller === true)
  return { owner_kind: found?.kind ?? '', owner_name: found?.name ?? '' }
}

const resource = (group: string, version: string, kind: string, plural: string, scope: 'Namespaced' | 'Cluster', label: string, makers: readonly Maker[]): StateResource =>
  ({ group, version, kind, plural, scope, families: makers.map((make) => make({ label, namespaced: scope === 'Namespaced' })) })

/** What kube-state-metrics says of the kinds a platform has, in upstream's names. */
export const stateResources: readonly StateResource[] = [
  resource('', 'v1', 'Pod', 'pods', 'Namespaced', 'pod', [
    info('kube_pod_info', 'Information about pod.', (pod) => ({ uid: pod.metadata.uid ?? '', host_ip: textAt(pod, 'status', 'hostIP'), pod_ip: textAt(pod, 'status', 'podIP'), node: textAt(pod, 'spec', 'nodeName'), created_by_kind: owner(pod)['owner_kind'] ?? '', created_by_name: owner(pod)['owner_name'] ?? '', priority_class: textAt(pod, 'spec', 'priorityClassName'), host_network: String(at(pod, 'spec', 'hostNetwork') === true) })),
    info('kube_pod_owner', 'Information about the Pod\'s owner.', (pod) => ({ ...owner(pod), owner_is_controller: String(owner(pod)['owner_kind'] !== '') })),
    oneOf('kube_pod_status_phase', 'The pods current phase.', 'phase', ['Pending', 'Succeeded', 'Failed', 'Unknown', 'Running'], (pod) => textAt(pod, 'status', 'phase')),
    oneOf('kube_pod_status_ready', 'Describes whether the pod is ready to serve requests.', 'condition', statuses, (pod) => textAt(listAt(pod, 'status', 'conditions').find((one) => textAt(one, 'type') === 'Ready'), 'status').toLowerCase()),
    created('kube_pod_created'), value('kube_pod_start_time', 'Start time in unix timestamp for a pod.', (pod) => seconds(textAt(pod, 'status', 'startTime'))),
    family('kube_pod_container_info', 'Information about a container in a pod.', (pod, base) => containers(pod).map((one) => ({ labels: { ...base, uid: pod.metadata.uid ?? '', container: textAt(one, 'name'), image: textAt(one, 'image') }, value: 1 }))),
    perContainer('kube_pod_container_status_ready', 'Describes whether the containers readiness check succeeded.', (status) => (at(status, 'ready') === true ? 1 : 0)),
    perContainer('kube_pod_container_status_running', 'Describes whether the container is currently in running state.', (status) => (at(status, 'state', 'running') === undefined ? 0 : 1)),
    perContainer('kube_pod_container_status_waiting', 'Describes whether the container is currently in waiting state.', (status) => (at(status, 'state', 'waiting') === undefined ? 0 : 1)),
    perContainer('kube_pod_container_status_terminated', 'Describes whether the container is currently in terminated state.', (status) => (at(status, 'state', 'terminated') === undefined ? 0 : 1)),
    perContainer('kube_pod_container_status_restarts_total', 'The number of container restarts per container.', (status) => numberAt(status, 'restartCount') ?? 0, 'counter'),
    reasons('kube_pod_container_status_waiting_reason', 'Describes the reason the container is currently in waiting state.', 'state', 'waiting', 'reason'),
    reasons('kube_pod_container_status_last_terminated_reason', 'Describes the last reason the container was in terminated state.', 'lastState', 'terminated', 'reason'),
    containerResources('requests'), containerResources('limits'),
  ]),
  resource('apps', 'v1', 'Deployment', 'deployments', 'Namespaced', 'deployment', [
    created('kube_deployment_created'), conditions('kube_deployment_status_condition'), field('kube_deployment_spec_replicas', 'Number of desired pods for a deployment.', 'spec', 'replicas'),
    value('kube_deployment_status_replicas', 'The number of replicas per deployment.', (one) => numberAt(one, 'status', 'replicas') ?? 0), value('kube_deployment_status_replicas_ready', 'The number of ready replicas per deployment.', (one) => numberAt(one, 'status', 'readyReplicas') ?? 0),
    value('kube_deployment_status_replicas_available', 'The number of available replicas per deployment.', (one) => numberAt(one, 'status', 'availableReplicas') ?? 0), value('kube_deployment_status_replicas_unavailable', 'The number of unavailable replicas per deployment.', (one) => numberAt(one, 'status', 'unavailableReplicas') ?? 0),
    value('kube_deployment_status_replicas_updated', 'The number of updated replicas per deployment.', (one) => numberAt(one, 'status', 'updatedReplicas') ?? 0), field('kube_deployment_metadata_generation', 'Sequence number representing a specific generation of the desired state.', 'metadata', 'generation'),
    field('kube_deployment_status_observed_generation', 'The generation observed by the deployment controller.', 'status', 'observedGeneration'), value('kube_deployment_spec_paused', 'Whether the deployment is paused and will not be processed by the deployment controller.', (one) => (at(one, 'spec', 'paused') === true ? 1 : 0)),
  ]),
  resource('apps', 'v1', 'StatefulSet', 'statefulsets', 'Namespaced', 'statefulset', [
    created('kube_statefulset_created'), field('kube_statefulset_replicas', 'Number of desired pods for a StatefulSet.', 'spec', 'replicas'), value('kube_statefulset_status_replicas', 'The number of replicas per StatefulSet.', (one) => numberAt(one, 'status', 'replicas') ?? 0),
    value('kube_statefulset_status_replicas_ready', 'The number of ready replicas per StatefulSet.', (one) => numberAt(one, 'status', 'readyReplicas') ?? 0), value('kube_statefulset_status_replicas_current', 'The number of current replicas per StatefulSet.', (one) => numberAt(one, 'status', 'currentReplicas') ?? 0),
    value('kube_statefulset_status_replicas_updated', 'The number of updated replicas per StatefulSet.', (one) => numberAt(one, 'status', 'updatedReplicas') ?? 0), field('kube_statefulset_metadata_generation', 'Sequence number representing a specific generation of the desired state.', 'metadata', 'generation'), field('kube_statefulset_status_observed_generation', 'The generation observed by the StatefulSet controller.', 'status', 'observedGeneration'),
  ]),
  resource('apps', 'v1', 'DaemonSet', 'daemonsets', 'Namespaced', 'daemonset', [
    created('kube_daemonset_created'), field('kube_daemonset_status_desired_number_scheduled', 'The number of nodes that should be running the daemon pod.', 'status', 'desiredNumberScheduled'), field('kube_daemonset_status_current_number_scheduled', 'The number of nodes running at least one daemon pod and are supposed to.', 'status', 'currentNumberScheduled'),
    field('kube_daemonset_status_number_ready', 'The number of nodes that should be running the daemon pod and have one or more of the daemon pod running and ready.', 'status', 'numberReady'), value('kube_daemonset_status_number_available', 'The number of nodes that have one or more of the daemon pod running and available.', (one) => numberAt(one, 'status', 'numberAvailable') ?? 0),
    value('kube_daemonset_status_number_misscheduled', 'The number of nodes running a daemon pod but are not supposed to.', (one) => numberAt(one, 'status', 'numberMisscheduled') ?? 0), value('kube_daemonset_status_number_unavailable', 'The number of nodes that should be running the daemon pod and have none available.', (one) => numberAt(one, 'status', 'numberUnavailable') ?? 0),
    value('kube_daemonset_status_updated_number_scheduled', 'The total number of nodes that are running updated daemon pod.', (one) => numberAt(one, 'status', 'updatedNumberScheduled') ?? 0),
  ]),
  resource('apps', 'v1', 'ReplicaSet', 'replicasets', 'Namespaced', 'replicaset', [
    field('kube_replicaset_spec_replicas', 'Number of desired pods for a ReplicaSet.', 'spec', 'replicas'), value('kube_replicaset_status_replicas', 'The number of replicas per ReplicaSet.', (one) => numberAt(one, 'status', 'replicas') ?? 0), value('kube_replicaset_status_ready_replicas', 'The number of ready replicas per ReplicaSet.', (one) => numberAt(one, 'status', 'readyReplicas') ?? 0),
    info('kube_replicaset_owner', 'Information about the ReplicaSet\'s owner.', (one) => ({ ...owner(one), owner_is_controller: String(owner(one)['owner_kind'] !== '') })),
  ]),
  resource('batch', 'v1', 'Job', 'jobs', 'Namespaced', 'job_name', [
    created('kube_job_created'), value('kube_job_status_active', 'The number of actively running pods.', (one) => numberAt(one, 'status', 'active') ?? 0), value('kube_job_status_succeeded', 'The number of pods which reached Phase Succeeded.', (one) => numberAt(one, 'status', 'succeeded') ?? 0), value('kube_job_status_failed', 'The number of pods which reached Phase Failed.', (one) => numberAt(one, 'status', 'failed') ?? 0),
    info('kube_job_owner', 'Information about the Job\'s owner.', (one) => owner(one)), value('kube_job_status_completion_time', 'CompletionTime represents time when the job was completed.', (one) => seconds(textAt(one, 'status', 'completionTime'))),
  ]),
  resource('batch', 'v1', 'CronJob', 'cronjobs', 'Namespaced', 'cronjob', [
    created('kube_cronjob_created'), info('kube_cronjob_info', 'Info about cronjob.', (one) => ({ schedule: textAt(one, 'spec', 'schedule'), concurrency_policy: textAt(one, 'spec', 'concurrencyPolicy') })), value('kube_cronjob_status_last_schedule_time', 'LastScheduleTime keeps information of when was the last time the job was successfully scheduled.', (one) => seconds(textAt(one, 'status', 'lastScheduleTime'))), value('kube_cronjob_spec_suspend', 'Suspend flag tells the controller to suspend subsequent executions.', (one) => (at(one, 'spec', 'suspend') === true ? 1 : 0)),
  ]),
  resource('', 'v1', 'Node', 'nodes', 'Cluster', 'node', [
    created('kube_node_created'), conditions('kube_node_status_condition'), nodeResources('kube_node_status_capacity', 'status', 'capacity'), nodeResources('kube_node_status_allocatable', 'status', 'allocatable'), value('kube_node_spec_unschedulable', 'Whether a node can schedule new pods.', (one) => (at(one, 'spec', 'unschedulable') === true ? 1 : 0)),
    info('kube_node_info', 'Information about a cluster node.', (one) => ({ kernel_version: textAt(one, 'status', 'nodeInfo', 'kernelVersion'), os_image: textAt(one, 'status', 'nodeInfo', 'osImage'), container_runtime_version: textAt(one, 'status', 'nodeInfo', 'containerRuntimeVersion'), kubelet_version: textAt(one, 'status', 'nodeInfo', 'kubeletVersion'), internal_ip: textAt(listAt(one, 'status', 'addresses').find((a) => textAt(a, 'type') === 'InternalIP'), 'address') })),
    family('kube_node_role', 'The role of a cluster node.', ({ metadata }, base) => Object.keys(metadata.labels ?? {}).filter((key) => key.startsWith('node-role.kubernetes.io/')).map((key) => ({ labels: { ...base, role: key.slice('node-role.kubernetes.io/'.length) }, value: 1 }))),
    family('kube_node_spec_taint', 'The taint of a cluster node.', (one, base) => listAt(one, 'spec', 'taints').map((taint) => ({ labels: { ...base, key: textAt(taint, 'key'), value: textAt(taint, 'value'), effect: textAt(taint, 'effect') }, value: 1 }))),
  ]),
  resource('', 'v1', 'Namespace', 'namespaces', 'Cluster', 'namespace', [created('kube_namespace_created'), oneOf('kube_namespace_status_phase', 'kubernetes namespace status phase.', 'phase', ['Active', 'Terminating'], (one) => textAt(one, 'status', 'phase'))]),
  resource('', 'v1', 'Service', 'services', 'Namespaced', 'service', [created('kube_service_created'), info('kube_service_info', 'Information about service.', (one) => ({ uid: one.metadata.uid ?? '', cluster_ip: textAt(one, 'spec', 'clusterIP'), external_name: textAt(one, 'spec', 'externalName'), load_balancer_ip: textAt(one, 'spec', 'loadBalancerIP') })), info('kube_service_spec_type', 'Type about service.', (one) => ({ uid: one.metadata.uid ?? '', type: textAt(one, 'spec', 'type') }))]),
  resource('', 'v1', 'ConfigMap', 'configmaps', 'Namespaced', 'configmap', [created('kube_configmap_created'), info('kube_configmap_info', 'Information about configmap.', () => ({}))]),
  resource('', 'v1', 'Secret', 'secrets', 'Namespaced', 'secret', [created('kube_secret_created'), info('kube_secret_info', 'Information about secret.', () => ({})), info('kube_secret_type', 'Type about secret.', (one) => ({ type: textAt(one, 'type') }))]),
  resource('', 'v1', 'PersistentVolumeClaim', 'persistentvolumeclaims', 'Namespaced', 'persistentvolumeclaim', [
    info('kube_persistentvolumeclaim_info', 'Information about persistent volume claim.', (one) => ({ storageclass: textAt(one, 'spec', 'storageClassName'), volumename: textAt(one, 'spec', 'volumeName') })), oneOf('kube_persistentvolumeclaim_status_phase', 'The phase the persistent volume claim is currently in.', 'phase', ['Lost', 'Bound', 'Pending'], (one) => textAt(one, 'status', 'phase')),
    value('kube_persistentvolumeclaim_resource_requests_storage_bytes', 'The capacity of storage requested by the persistent volume claim.', (one) => { const size = at(one, 'spec', 'resources', 'requests', 'storage'); return size === undefined ? undefined : amount(size) }),
  ]),
  resource('autoscaling', 'v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', 'Namespaced', 'horizontalpodautoscaler', [field('kube_horizontalpodautoscaler_spec_max_replicas', 'Upper limit for the number of pods that can be set by the autoscaler.', 'spec', 'maxReplicas'), field('kube_horizontalpodautoscaler_spec_min_replicas', 'Lower limit for the number of pods that can be set by the autoscaler.', 'spec', 'minReplicas'), field('kube_horizontalpodautoscaler_status_current_replicas', 'Current number of replicas of pods managed by this autoscaler.', 'status', 'currentReplicas'), field('kube_horizontalpodautoscaler_status_desired_replicas', 'Desired number of replicas of pods managed by this autoscaler.', 'status', 'desiredReplicas')]),
  resource('', 'v1', 'ResourceQuota', 'resourcequotas', 'Namespaced', 'resourcequota', [family('kube_resourcequota', 'Information about resource quota.', (one, base) => (['hard', 'used'] as const).flatMap((type) => Object.entries((at(one, 'status', type) ?? {}) as Fields).map(([name, quantity]) => ({ labels: { ...base, resource: name, type }, value: amount(quantity) }))))]),
]
