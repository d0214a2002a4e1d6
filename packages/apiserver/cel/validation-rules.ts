import { hasRules, type CustomResourceDefinition, type Schema } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import type { AdmissionPlugin } from '../admission/admission.ts'
import { equalJson } from '../json-value.ts'
import type { Resource } from '../resource.ts'
import { invalid } from '../verbs/invalid.ts'

/**
 * The CEL rules of custom resources: loads the engine before the first object that needs it is validated, and refuses CRDs whose rules do
 * not compile or cost too much. Nothing of CEL is loaded for a cluster without such rules.
 */
export const validationRules: AdmissionPlugin = {
  name: 'ValidationRules',
  mayChange: () => false,
  mutate: ({ resource }) => resource.prepare?.(),
  validate({ operation, resource, object, old, subresource }) {
    if (resource.kind.plural !== 'customresourcedefinitions' || object === undefined || subresource !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return
    const schemas = schemasOf(object)
    // What was accepted as it is has been checked.
    const before = old === undefined ? [] : schemasOf(old)
    if (!schemas.some((schema, i) => schema !== undefined && hasRules(schema) && !equalJson(schema, before[i]))) return
    return checkRules(resource, object, schemas)
  },
}

function schemasOf(object: AnyObject): (Schema | undefined)[] {
  return (object as unknown as CustomResourceDefinition).spec.versions.map((version) => version.schema?.openAPIV3Schema as Schema | undefined)
}

async function checkRules(resource: Resource, object: AnyObject, schemas: readonly (Schema | undefined)[]): Promise<void> {
  const { checkValidationRules } = await import('@idp/api/cel')
  const errors = schemas.flatMap((schema, i) => schema === undefined ? [] : checkValidationRules(schema, `spec.versions[${i}].schema.openAPIV3Schema`))
  if (errors.length > 0) throw invalid(resource, object, errors.map((error) => ({ ...error })))
}
