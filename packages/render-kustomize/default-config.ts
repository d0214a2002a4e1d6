import type { FieldSpec } from './field-spec.ts'
import type { NameReference, TransformerConfig } from './transformer-config.ts'

/** `group/version kind` → parts; `apps/ Deployment` any version, `/v1 Pod` core v1, `Pod` any group and version. */
function gvk(text: string): { group: string; version: string; kind: string } {
  const blank = text.lastIndexOf(' ')
  const prefix = blank < 0 ? '' : text.slice(0, blank)
  const slash = prefix.lastIndexOf('/')
  return { kind: text.slice(blank + 1), group: slash < 0 ? prefix : prefix.slice(0, slash), version: slash < 0 ? '' : prefix.slice(slash + 1) }
}

const at = (path: string, kinds: readonly string[] = [''], create = false): FieldSpec[] => kinds.map((kind) => ({ ...gvk(kind), path, create }))

/** Kinds that hold a pod, with the path of its spec. */
const POD_SPECS: Readonly<Record<string, string>> = {
  '/v1 Pod': 'spec', PodTemplate: 'template/spec', Deployment: 'spec/template/spec', ReplicaSet: 'spec/template/spec', DaemonSet: 'spec/template/spec',
  StatefulSet: 'spec/template/spec', Job: 'spec/template/spec', CronJob: 'spec/jobTemplate/spec/template/spec',
}
const inPods = (paths: readonly string[]): FieldSpec[] =>
  Object.entries(POD_SPECS).flatMap(([kind, prefix]) => paths.flatMap((path) => at(`${prefix}/${path}`, [kind])))

/** The rows for service accounts, claims and priority classes know other kinds: with ReplicationController, without ReplicaSet. */
const inWorkloads = (path: string): FieldSpec[] => [
  ...at(`spec/${path}`, ['Pod']),
  ...at(`spec/template/spec/${path}`, ['StatefulSet', 'Deployment', 'ReplicationController', 'Job', 'DaemonSet']),
  ...at(`spec/jobTemplate/spec/template/spec/${path}`, ['CronJob']),
]

const RBAC = 'rbac.authorization.k8s.io'
const ADMISSION = 'admissionregistration.k8s.io'
const configMap = [
  'volumes/configMap/name', 'containers/env/valueFrom/configMapKeyRef/name', 'initContainers/env/valueFrom/configMapKeyRef/name',
  'containers/envFrom/configMapRef/name', 'initContainers/envFrom/configMapRef/name', 'volumes/projected/sources/configMap/name',
]
const secret = [
  'volumes/secret/secretName', 'containers/env/valueFrom/secretKeyRef/name', 'initContainers/env/valueFrom/secretKeyRef/name',
  'containers/envFrom/secretRef/name', 'initContainers/envFrom/secretRef/name', 'imagePullSecrets/name', 'volumes/projected/sources/secret/name',
]
const annotation = (name: string): string => `metadata/annotations/${name.replaceAll('/', '\\/')}`

const refersTo = (kind: string, ...fieldSpecs: FieldSpec[][]): NameReference => ({ ...gvk(kind), fieldSpecs: fieldSpecs.flat() })

const nameReference: NameReference[] = [
  ...['Deployment', 'ReplicationController', 'ReplicaSet', 'StatefulSet'].map((kind) => refersTo(kind, at('spec/scaleTargetRef/name', ['HorizontalPodAutoscaler']))),
  refersTo('/v1 ConfigMap', inPods(configMap), at('spec/configSource/configMap', ['Node']), at('rules/resourceNames', ['Role', 'ClusterRole']),
    at(annotation('nginx.ingress.kubernetes.io/fastcgi-params-configmap'), ['Ingress'])),
  refersTo('/v1 Secret', inPods(secret), at('spec/tls/secretName', ['Ingress']),
    ...['ingress.kubernetes.io/auth-secret', 'nginx.ingress.kubernetes.io/auth-secret', 'nginx.ingress.kubernetes.io/auth-tls-secret'].map((name) => at(annotation(name), ['Ingress'])),
    at('imagePullSecrets/name', ['ServiceAccount']),
    ...['secretName', 'adminSecretName', 'userSecretName', 'secretRef'].map((name) => at(`parameters/${name}`, ['StorageClass'])),
    at('rules/resourceNames', ['Role', 'ClusterRole']),
    at('spec/template/spec/containers/env/valueFrom/secretKeyRef/name', ['serving.knative.dev/v1 Service']), at('spec/azureFile/secretName', ['PersistentVolume'])),
  refersTo('/v1 Service', at('spec/serviceName', ['apps StatefulSet']),
    ...['rules/http/paths/backend/serviceName', 'backend/serviceName', 'rules/http/paths/backend/service/name', 'defaultBackend/service/name'].map((path) => at(`spec/${path}`, ['Ingress'])),
    at('spec/service/name', ['apiregistration.k8s.io APIService']),
    at('webhooks/clientConfig/service', [`${ADMISSION} ValidatingWebhookConfiguration`, `${ADMISSION} MutatingWebhookConfiguration`])),
  refersTo(`${RBAC} Role`, at('roleRef/name', [`${RBAC} RoleBinding`])),
  refersTo(`${RBAC} ClusterRole`, at('roleRef/name', [`${RBAC} RoleBinding`, `${RBAC} ClusterRoleBinding`])),
  refersTo('/v1 ServiceAccount', at('subjects', [`${RBAC} RoleBinding`, `${RBAC} ClusterRoleBinding`]), inWorkloads('serviceAccountName')),
  refersTo('/v1 PersistentVolumeClaim', inWorkloads('volumes/persistentVolumeClaim/claimName')),
  refersTo('/v1 PersistentVolume', at('spec/volumeName', ['PersistentVolumeClaim']), at('rules/resourceNames', ['ClusterRole'])),
  refersTo('storage.k8s.io/v1 StorageClass', at('spec/storageClassName', ['PersistentVolume', 'PersistentVolumeClaim']), at('spec/volumeClaimTemplates/spec/storageClassName', ['StatefulSet'])),
  refersTo('scheduling.k8s.io/v1 PriorityClass', inWorkloads('priorityClassName')),
  // Upstream's table has the version inside the group here, so that this row never matches; kept for parity.
  { group: 'networking.k8s.io/v1', version: 'v1', kind: 'IngressClass', fieldSpecs: at('spec/ingressClassName', ['Ingress']) },
  refersTo(`${ADMISSION} ValidatingAdmissionPolicy`, at('spec/policyName', [`${ADMISSION} ValidatingAdmissionPolicyBinding`])),
]

const templateOf = (member: 'labels' | 'annotations', statefulSet: string): FieldSpec[] => [
  ...at(`metadata/${member}`, [''], true),
  ...at(`spec/template/metadata/${member}`, ['/v1 ReplicationController', 'Deployment', 'ReplicaSet', 'DaemonSet', statefulSet, 'batch Job'], true),
  ...at(`spec/jobTemplate/metadata/${member}`, ['batch CronJob'], true),
  ...at(`spec/jobTemplate/spec/template/metadata/${member}`, ['batch CronJob'], true),
]
const templateLabels = [...templateOf('labels', 'apps StatefulSet'), ...at('spec/volumeClaimTemplates[]/metadata/labels', ['apps StatefulSet'], true)]

const SCHEDULED = 'DuringSchedulingIgnoredDuringExecution'
const selectorLabels = [
  ...at('spec/selector', ['/v1 Service', '/v1 ReplicationController'], true),
  ...at('spec/selector/matchLabels', ['Deployment', 'ReplicaSet', 'DaemonSet', 'apps StatefulSet'], true),
  ...['podAffinity', 'podAntiAffinity'].flatMap((side) => [
    ...at(`spec/template/spec/affinity/${side}/preferred${SCHEDULED}/podAffinityTerm/labelSelector/matchLabels`, ['apps Deployment', 'apps StatefulSet']),
    ...at(`spec/template/spec/affinity/${side}/required${SCHEDULED}/labelSelector/matchLabels`, ['apps Deployment', 'apps StatefulSet']),
  ]),
  ...at('spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels', ['apps Deployment', 'apps StatefulSet']),
  ...at('spec/selector/matchLabels', ['batch Job']),
  ...at('spec/jobTemplate/spec/selector/matchLabels', ['batch CronJob']),
  ...at('spec/selector/matchLabels', ['policy PodDisruptionBudget']),
  ...['podSelector', 'ingress/from/podSelector', 'egress/to/podSelector'].flatMap((path) => at(`spec/${path}/matchLabels`, ['networking.k8s.io NetworkPolicy'])),
]

const VARIABLE_FIELDS = ['args', 'command', 'env/value', 'volumeMounts/mountPath'].flatMap((field) => [`containers/${field}`, `initContainers/${field}`])
const inTemplates = (path: string): FieldSpec[] => at(`spec/template/spec/${path}`, ['DaemonSet', 'Deployment', 'Job', 'ReplicaSet', 'StatefulSet'])
const varReference = [
  ...VARIABLE_FIELDS.flatMap((path) => [...at(`spec/jobTemplate/spec/template/spec/${path}`, ['CronJob']), ...inTemplates(path), ...at(`spec/${path}`, ['Pod'])]),
  ...at('spec/jobTemplate/spec/template/volumes/nfs/server', ['CronJob']),
  ...at('spec/template/spec/volumes/nfs/server', ['DaemonSet', 'Deployment', 'Job', 'ReplicaSet']),
  ...at('spec/volumes/nfs/server', ['Pod']),
  ...at('spec/volumeClaimTemplates/spec/nfs/server', ['StatefulSet']),
  ...at('spec/nfs/server', ['PersistentVolume']),
  ...at('spec/template/metadata/annotations', ['Deployment']),
  ...['rules/host', 'tls/hosts', 'tls/secretName'].flatMap((path) => at(`spec/${path}`, ['Ingress'])),
  ...['ports/port', 'ports/targetPort'].flatMap((path) => at(`spec/${path}`, ['Service'])),
  ...at('metadata/labels'),
  ...at('metadata/annotations'),
]

/** The fields that kustomize 5.7 acts on when nothing else is configured. */
export const defaultConfig: TransformerConfig = {
  namePrefix: at('metadata/name'),
  nameSuffix: at('metadata/name'),
  namespace: [
    ...at('metadata/name', ['Namespace'], true),
    ...at('spec/service/namespace', ['apiregistration.k8s.io APIService'], true),
    ...at('spec/conversion/webhook/clientConfig/service/namespace', ['apiextensions.k8s.io CustomResourceDefinition']),
  ],
  commonLabels: [...selectorLabels, ...templateLabels],
  labels: [],
  templateLabels,
  commonAnnotations: templateOf('annotations', 'StatefulSet'),
  varReference,
  images: ['spec', 'spec/template/spec'].flatMap((prefix) =>
    ['containers[]/image', 'initContainers[]/image', 'volumes[]/image/reference'].flatMap((path) => at(`${prefix}/${path}`, [''], true))),
  replicas: at('spec/replicas', ['Deployment', 'ReplicationController', 'ReplicaSet', 'StatefulSet'], true),
  nameReference,
}
