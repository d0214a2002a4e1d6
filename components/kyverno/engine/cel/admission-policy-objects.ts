import type { KubeObject } from '@idp/formats'
import { celFamily, type CelException, type CelPolicy, type CelPolicySpec, type NamedExpression } from '../../kinds/cel-policy.ts'

/** The admission policy of Kubernetes' own that a policy asks for (`autogen.validatingAdmissionPolicy`, `autogen.mutatingAdmissionPolicy`), and its binding. */
export interface AdmissionObjects { readonly policy: KubeObject; readonly binding: KubeObject }

/** Undefined for a policy that does not ask. The API server then decides as the policy does, as far as the expressions use Kubernetes' functions only. */
export function admissionObjectsFor(policy: CelPolicy, exceptions: readonly CelException[]): AdmissionObjects | undefined {
  const { autogen } = policy.spec
  const family = celFamily(policy)
  if (policy.metadata.namespace !== undefined) return undefined
  if (family === 'Validating' && autogen?.validatingAdmissionPolicy?.enabled === true) return validating(policy, exceptions)
  if (family === 'Mutating' && autogen?.mutatingAdmissionPolicy?.enabled === true) return mutating(policy, exceptions)
  return undefined
}

/** Exceptions become conditions that must not hold. */
function common({ metadata, spec }: CelPolicy, exceptions: readonly CelException[]): Pick<CelPolicySpec, 'matchConstraints' | 'matchConditions' | 'variables' | 'failurePolicy'> {
  const own = exceptions.filter((exception) => exception.spec.policyRefs.some(({ name }) => name === metadata.name))
  const negated = own.flatMap((exception) => (exception.spec.matchConditions ?? []).map((one): NamedExpression => ({ name: one.name, expression: `!(${one.expression})` })))
  const conditions = [...(spec.matchConditions ?? []), ...negated]
  const lists = [['allowedImages', own.flatMap((exception) => exception.spec.images ?? [])], ['allowedValues', own.flatMap((exception) => exception.spec.allowedValues ?? [])]] as const
  const variables = [...(spec.variables ?? []), ...lists.filter(([, list]) => list.length > 0).map(([name, list]): NamedExpression => ({ name, expression: `[${list.map((one) => JSON.stringify(one)).join(', ')}]` }))]
  return {
    ...(spec.matchConstraints === undefined ? {} : { matchConstraints: spec.matchConstraints }), ...(conditions.length === 0 ? {} : { matchConditions: conditions }), ...(variables.length === 0 ? {} : { variables }),
    ...(spec.failurePolicy === undefined ? {} : { failurePolicy: spec.failurePolicy }),
  }
}

const meta = ({ apiVersion, kind, metadata }: CelPolicy, name: string): KubeObject['metadata'] => ({
  name, labels: { 'app.kubernetes.io/managed-by': 'kyverno' }, ownerReferences: [{ apiVersion, kind, name: metadata.name ?? '', uid: metadata.uid ?? '' }],
})

function validating(policy: CelPolicy, exceptions: readonly CelException[]): AdmissionObjects {
  const name = `vpol-${policy.metadata.name ?? ''}`
  const { validations = [], auditAnnotations, validationActions = [] } = policy.spec
  const moved = validations.map((one) => ({ ...one, expression: one.expression.replaceAll('exceptions.allowed', 'variables.allowed') }))
  const apiVersion = 'admissionregistration.k8s.io/v1'
  return {
    policy: { apiVersion, kind: 'ValidatingAdmissionPolicy', metadata: meta(policy, name), spec: { ...common(policy, exceptions), validations: moved, ...(auditAnnotations === undefined ? {} : { auditAnnotations }) } } as KubeObject,
    binding: { apiVersion, kind: 'ValidatingAdmissionPolicyBinding', metadata: meta(policy, `${name}-binding`), spec: { policyName: name, validationActions: validationActions.length === 0 ? ['Deny'] : validationActions } } as KubeObject,
  }
}

function mutating(policy: CelPolicy, exceptions: readonly CelException[]): AdmissionObjects {
  const name = `mpol-${policy.metadata.name ?? ''}`
  const apiVersion = 'admissionregistration.k8s.io/v1beta1'
  return {
    policy: { apiVersion, kind: 'MutatingAdmissionPolicy', metadata: meta(policy, name), spec: { ...common(policy, exceptions), mutations: policy.spec.mutations ?? [], reinvocationPolicy: 'Never' } } as KubeObject,
    binding: { apiVersion, kind: 'MutatingAdmissionPolicyBinding', metadata: meta(policy, `${name}-binding`), spec: { policyName: name } } as KubeObject,
  }
}
