import { invalid as invalidField, type MutatingWebhookConfiguration, type ValidatingAdmissionPolicy } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import type { AdmissionPlugin } from '../admission/admission.ts'
import type { Resource } from '../resource.ts'
import { invalid } from '../verbs/invalid.ts'

interface Wrong { readonly field: string; readonly text: string; readonly error: string }

/** Refuses webhook configurations and admission policies with expressions that do not compile. */
export const expressionChecks: AdmissionPlugin = {
  name: 'ExpressionChecks',
  validate({ operation, resource, object, subresource }) {
    if (resource.kind.group !== 'admissionregistration.k8s.io' || object === undefined || subresource !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return
    return refuseWrong(resource, object)
  },
}

async function refuseWrong(resource: Resource, object: AnyObject): Promise<void> {
  const wrong = await wrongIn(resource.kind.kind, object)
  if (wrong.length > 0) throw invalid(resource, object, wrong.map(({ field, text, error }) => ({ ...invalidField(field, text, error) })))
}

async function wrongIn(kind: string, object: AnyObject): Promise<readonly Wrong[]> {
  switch (kind) {
    case 'ValidatingAdmissionPolicy': {
      const { compilePolicy, policyErrors } = await import('./validating-policy.ts')
      return policyErrors(compilePolicy((object as unknown as ValidatingAdmissionPolicy).spec))
    }
    case 'MutatingAdmissionPolicy': {
      const { compileMutatingPolicy, mutatingPolicyErrors } = await import('./mutating-policy.ts')
      return mutatingPolicyErrors(compileMutatingPolicy(object['spec'] as Parameters<typeof compileMutatingPolicy>[0]))
    }
    case 'MutatingWebhookConfiguration': case 'ValidatingWebhookConfiguration': return wrongConditions(object as unknown as MutatingWebhookConfiguration)
    default: return []
  }
}

async function wrongConditions({ webhooks = [] }: MutatingWebhookConfiguration): Promise<Wrong[]> {
  if (!webhooks?.some(({ matchConditions }) => (matchConditions?.length ?? 0) > 0)) return []
  const { admissionEnvironment, compileExpression } = await import('./admission-expressions.ts')
  const { boolType } = await import('@idp/lang-cel')
  const environment = admissionEnvironment({ authorizer: true })
  return webhooks.flatMap(({ matchConditions }, i) => (matchConditions ?? []).flatMap(({ expression = '' }, j): Wrong[] => {
    const { error } = compileExpression(expression, environment, boolType)
    return error === undefined ? [] : [{ field: `webhooks[${i}].matchConditions[${j}].expression`, text: expression, error }]
  }))
}
