import type { CustomResourceDefinition, Schema } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { customResources } from '../crd/custom-resources.ts'
import type { Resource } from '../resource.ts'

const text: Schema = { type: 'string' }
const texts: Schema = { type: 'array', items: text, 'x-kubernetes-list-type': 'atomic' }
const object = (properties: Record<string, Schema>, required: string[] = []): Schema => ({ type: 'object', properties, ...required.length > 0 && { required } })
const keyed = (items: Schema): Schema => ({ type: 'array', items, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] })
const atomic = (items: Schema): Schema => ({ type: 'array', items, 'x-kubernetes-list-type': 'atomic' })
const selector = object({
  matchLabels: { type: 'object', additionalProperties: text }, matchExpressions: atomic(object({ key: text, operator: text, values: texts }, ['key', 'operator'])),
})
const rule = object({ apiGroups: texts, apiVersions: texts, operations: texts, resources: texts, resourceNames: texts, scope: text })
const match = object({
  resourceRules: atomic(rule), excludeResourceRules: atomic(rule), matchPolicy: { ...text, enum: ['Exact', 'Equivalent'], default: 'Equivalent' }, namespaceSelector: selector, objectSelector: selector,
})
const named = object({ name: text, expression: text }, ['name', 'expression'])
const expression = object({ expression: text })

const policy = object({
  spec: object({
    paramKind: object({ apiVersion: text, kind: text }), matchConstraints: match, variables: keyed(named), matchConditions: keyed(named),
    mutations: atomic(object({ patchType: { ...text, enum: ['ApplyConfiguration', 'JSONPatch'] }, applyConfiguration: expression, jsonPatch: expression }, ['patchType'])),
    failurePolicy: { ...text, enum: ['Fail', 'Ignore'], default: 'Fail' }, reinvocationPolicy: { ...text, enum: ['Never', 'IfNeeded'], default: 'Never' },
  }, ['mutations']),
}, ['spec'])
const binding = object({
  spec: object({
    policyName: text, matchResources: match, paramRef: object({ name: text, namespace: text, selector, parameterNotFoundAction: { ...text, enum: ['Allow', 'Deny'] } }),
  }, ['policyName']),
}, ['spec'])

const group = 'admissionregistration.k8s.io'

function definition(kind: string, plural: string, schema: Schema): CustomResourceDefinition {
  const version = (name: string, storage: boolean) => ({ name, served: true, storage, schema: { openAPIV3Schema: schema } })
  return {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${plural}.${group}` },
    spec: { group, scope: 'Cluster', names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List`, categories: ['api-extensions'] }, versions: [version('v1beta1', true), version('v1alpha1', false)] },
  } as unknown as CustomResourceDefinition
}

const convert = (objects: AnyObject[], apiVersion: string) => Promise.resolve(objects.map((one) => ({ ...one, apiVersion })))

/** MutatingAdmissionPolicy and its binding, in both versions that Kubernetes 1.35 has of them. */
export function mutatingPolicyResources(): Resource[] {
  return [
    ...customResources(definition('MutatingAdmissionPolicy', 'mutatingadmissionpolicies', policy), convert),
    ...customResources(definition('MutatingAdmissionPolicyBinding', 'mutatingadmissionpolicybindings', binding), convert),
  ]
}
