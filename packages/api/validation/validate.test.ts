import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnyObject, JsonObject } from '@idp/formats'
import {
  ClusterRole, ConfigMap, CronJob, CustomResourceDefinition, Deployment, HorizontalPodAutoscaler, Ingress, Job, Namespace, NetworkPolicy, PersistentVolumeClaim, Pod, RoleBinding, Secret, Service, StatefulSet, ValidatingWebhookConfiguration,
} from '../kinds/index.ts'
import { apiVersionOf, type Kind } from '../kind.ts'
import { applyBuiltInDefaults } from '../defaults/apply.ts'
import { decodeBuiltIn } from '../schema/decode.ts'
import { invalidError, type FieldError } from './field-error.ts'
import { validateCreate, validateUpdate } from './validate.ts'

/** An object as it is when validation sees it. */
function ready(kind: Kind, fields: JsonObject): AnyObject {
  const metadata = { name: 'x', ...(kind.scope === 'Namespaced' ? { namespace: 'ns' } : {}), ...(fields.metadata as object) }
  const object: AnyObject = { apiVersion: apiVersionOf(kind), kind: kind.kind, ...structuredClone(fields), metadata }
  decodeBuiltIn(kind, object)
  applyBuiltInDefaults(kind, object)
  return object
}
const texts = (errors: FieldError[]) => errors.map(({ field, message }) => `${field}: ${message}`)

const pod = (more: JsonObject = {}, container: JsonObject = {}): JsonObject => ({ spec: { containers: [{ name: 'a', image: 'i', ...container }], ...more } })
const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'a', image: 'i' }] } }
const selector = { matchLabels: { app: 'a' } }
const jobTemplate = { spec: { containers: [{ name: 'a', image: 'i' }], restartPolicy: 'Never' } }
const crdVersion = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }
const crd = (schema: JsonObject): JsonObject => ({ metadata: { name: 'tabs.e.com' }, spec: { group: 'e.com', scope: 'Namespaced', names: { plural: 'tabs', kind: 'Tab' }, versions: [{ ...crdVersion, schema: { openAPIV3Schema: schema } }] } })
const at = 'spec.versions[0].schema.openAPIV3Schema'

const created: [kind: Kind, fields: JsonObject, messages: string[]][] = [
  [Pod, pod(), []],
  [Pod, { metadata: { name: 'A_b' }, ...pod() }, ["metadata.name: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"]],
  [Pod, { metadata: { name: '' }, ...pod() }, ['metadata.name: Required value: name or generateName is required']],
  [Pod, { metadata: { labels: { a: '-' } }, ...pod() }, ["metadata.labels: Invalid value: \"-\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"]],
  [Pod, { spec: { containers: [] } }, ['spec.containers: Required value']],
  [Pod, { spec: { containers: [{ name: 'a' }, { name: 'a', image: 'i' }] } }, ['spec.containers[0].image: Required value', 'spec.containers[1].name: Duplicate value: "a"']],
  [Pod, pod({ restartPolicy: 'Sometimes' }), ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"']],
  [Pod, pod({}, { ports: [{ containerPort: 0 }, { containerPort: 70000 }] }), ['spec.containers[0].ports[0].containerPort: Required value', 'spec.containers[0].ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive']],
  [Pod, pod({}, { volumeMounts: [{ name: 'v', mountPath: '/v' }] }), ['spec.containers[0].volumeMounts[0].name: Not found: "v"']],
  [Pod, pod({}, { resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }), ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1']],
  [Pod, pod({}, { livenessProbe: {} }), ['spec.containers[0].livenessProbe: Required value: must specify a handler type']],
  [Deployment, { spec: { selector, template } }, []],
  [StatefulSet, { spec: { selector, serviceName: 's', volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }], template: { metadata: template.metadata, spec: { containers: [{ name: 'a', image: 'i', volumeMounts: [{ name: 'data', mountPath: '/d' }] }] } } } }, []],
  [Deployment, { spec: { template } }, ['spec.selector: Required value']],
  [Deployment, { spec: { selector: {}, template } }, ['spec.selector: Invalid value: {}: empty selector is invalid for deployment']],
  [Deployment, { spec: { selector: { matchLabels: { app: 'b' } }, template } }, ['spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`']],
  [Deployment, { spec: { replicas: -1, selector, template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } } }, ['spec.replicas: Invalid value: -1: must be greater than or equal to 0', 'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"']],
  [Deployment, { spec: { selector, template, strategy: { type: 'Recreate', rollingUpdate: {} } } }, ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"]],
  [Job, { spec: { selector, template } }, ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"']],
  [CronJob, { spec: { schedule: '* * * *', jobTemplate: { spec: { template: jobTemplate } } } }, ['spec.schedule: Invalid value: "* * * *": expected exactly 5 fields, found 4: [* * * *]']],
  [CronJob, { spec: { schedule: '*/5 0-23 1,15 * 1-5', timeZone: 'Europe/Berlin', jobTemplate: { spec: { template: jobTemplate } } } }, []],
  [Service, { spec: { ports: [{ port: 80 }] } }, []],
  [Service, { spec: {} }, ['spec.ports: Required value']],
  [Service, { spec: { ports: [{ port: 80 }, { port: 80, name: 'b' }] } }, ['spec.ports[0].name: Required value', 'spec.ports[1]: Duplicate value: {"port":80,"protocol":"TCP"}']],
  [Service, { spec: { type: 'Other', ports: [{ port: 80 }] } }, ['spec.type: Unsupported value: "Other": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"']],
  [Namespace, { metadata: { name: 'a.b' } }, ['metadata.name: Invalid value: "a.b": must not contain dots']],
  [ConfigMap, { data: { 'a b': '' } }, ["data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"]],
  [Secret, { type: 'kubernetes.io/tls', data: { 'tls.crt': '' } }, ['data[tls.key]: Required value']],
  [PersistentVolumeClaim, { spec: {} }, ['spec.accessModes: Required value: at least 1 access mode is required', 'spec.resources[storage]: Required value']],
  [ClusterRole, { metadata: { name: 'system:x' }, rules: [{ verbs: [], apiGroups: [''], resources: ['pods'] }] }, ['rules[0].verbs: Required value: verbs must contain at least one value']],
  [RoleBinding, { roleRef: { kind: 'Role', name: 'r' }, subjects: [{ kind: 'Robot', name: 'r' }] }, ['subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"']],
  [Ingress, { spec: { rules: [{ http: { paths: [{ path: '/', backend: { service: { name: 's', port: { number: 80 } } } }] } }] } }, ['spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified']],
  [NetworkPolicy, { spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0' } }] }] } }, ['spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)']],
  [HorizontalPodAutoscaler, { spec: { minReplicas: 3, maxReplicas: 1, scaleTargetRef: { kind: 'Deployment', name: 'd' } } }, ['spec.maxReplicas: Invalid value: 1: must be greater than or equal to `minReplicas`']],
  [ValidatingWebhookConfiguration, { webhooks: [{ name: 'a.b', clientConfig: { url: 'https://h' }, sideEffects: 'None', admissionReviewVersions: ['v1'] }] }, ['webhooks[0].name: Invalid value: "a.b": should be a domain with at least three segments separated by dots']],
  [CustomResourceDefinition, crd({ type: 'object', properties: { spec: { type: 'object' } } }), []],
  [CustomResourceDefinition, { metadata: { name: 'tabs.other.com' }, spec: { group: 'e.com', scope: 'Cluster', names: { plural: 'tabs', kind: 'Tab' }, versions: [{ name: 'v1', served: true, storage: false }] } },
    ['metadata.name: Invalid value: "tabs.other.com": must be spec.names.plural+"."+spec.group', `${at}: Required value: schemas are required`, 'spec.versions: Invalid value: ["v1"]: must have exactly one version marked as storage version']],
  [CustomResourceDefinition, crd({ properties: { a: {}, b: { type: 'array' }, c: { type: 'object', properties: {}, additionalProperties: { type: 'string' } } } }),
    [`${at}.type: Required value: must not be empty at the root`, `${at}.properties[a].type: Required value: must not be empty for specified object fields`, `${at}.properties[b].items: Required value: must be specified`, `${at}.properties[c].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`]],
  [CustomResourceDefinition, crd({ type: 'object', properties: { a: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['n'], items: { type: 'object', properties: { n: { type: 'string' } } } } } }),
    [`${at}.properties[a].items.properties[n].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`]],
  [CustomResourceDefinition, crd({ type: 'object', properties: { a: { type: 'string', default: 1, pattern: 'a' }, b: { type: 'object', oneOf: [{ type: 'object' }] } } }),
    [`${at}.properties[a].default: Invalid value: "integer": default in body must be of type string: "integer"`, `${at}.properties[b].oneOf[0].type: Forbidden: must be empty to be structural`]],
]
for (const [index, [kind, fields, messages]] of created.entries()) {
  test(`create ${kind.kind} ${index}: ${messages[0]?.slice(0, 60) ?? 'valid'}`, () => assert.deepEqual(texts(validateCreate(kind, ready(kind, fields))), messages))
}

const changed: [kind: Kind, old: JsonObject, fields: JsonObject, messages: string[]][] = [
  [Deployment, { spec: { selector, template } }, { spec: { replicas: 3, selector, template } }, []],
  [Deployment, { spec: { selector, template } }, { spec: { selector: { matchLabels: { app: 'a', b: 'c' } }, template: { ...template, metadata: { labels: { app: 'a', b: 'c' } } } } }, ['spec.selector: Invalid value: {"matchLabels":{"app":"a","b":"c"}}: field is immutable']],
  [Pod, pod(), pod({}, { image: 'j' }), []],
  [Pod, pod(), pod({ tolerations: [{ key: 'a', operator: 'Exists' }] }), []],
  [Pod, pod(), pod({ hostNetwork: true }), ['spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)']],
  [Service, { spec: { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'], ports: [{ port: 80 }] } }, { spec: { clusterIP: '10.0.0.2', clusterIPs: ['10.0.0.2'], ports: [{ port: 80 }] } }, ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set']],
  [StatefulSet, { spec: { selector, template, serviceName: 'a' } }, { spec: { selector, template, serviceName: 'b' } }, ["spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"]],
  [RoleBinding, { roleRef: { kind: 'Role', name: 'r' } }, { roleRef: { kind: 'Role', name: 's' } }, ['roleRef: Invalid value: {"kind":"Role","name":"s","apiGroup":"rbac.authorization.k8s.io"}: cannot change roleRef']],
  [ConfigMap, { immutable: true, data: { a: '1' } }, { immutable: true, data: { a: '2' } }, ['data: Forbidden: field is immutable when `immutable` is set']],
  [Secret, { type: 'Opaque' }, { type: 'x/y' }, ['type: Invalid value: "x/y": field is immutable']],
  [Job, { spec: { selector: { matchLabels: { a: 'b' } }, template: { ...jobTemplate, metadata: { labels: { a: 'b' } } } } }, { spec: { parallelism: 3, completions: 2, selector: { matchLabels: { a: 'b' } }, template: { ...jobTemplate, metadata: { labels: { a: 'b' } } } } }, ['spec.completions: Invalid value: 2: field is immutable']],
  [ConfigMap, { metadata: { deletionTimestamp: '2030-01-01T00:00:00Z', finalizers: ['a/b'] } }, { metadata: { deletionTimestamp: '2030-01-01T00:00:00Z', finalizers: ['a/b', 'c/d'] } }, ['metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"c/d"}']],
]
for (const [index, [kind, old, fields, messages]] of changed.entries()) {
  test(`update ${kind.kind} ${index}: ${messages[0]?.slice(0, 60) ?? 'valid'}`, () => assert.deepEqual(texts(validateUpdate(kind, ready(kind, fields), ready(kind, old))), messages))
}

test('the 422 answer', () => {
  const error = invalidError(Deployment, 'web', validateCreate(Deployment, ready(Deployment, { spec: { replicas: -1, template } })))
  assert.equal(error.message, 'Deployment.apps "web" is invalid: [spec.replicas: Invalid value: -1: must be greater than or equal to 0, spec.selector: Required value]')
  assert.deepEqual(error.toStatus().details?.causes?.[1], { reason: 'FieldValueRequired', message: 'Required value', field: 'spec.selector' })
  assert.equal(error.code, 422)
})
