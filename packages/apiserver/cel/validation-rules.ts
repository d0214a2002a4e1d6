import { hasRules, type CustomResourceDefinition, type Schema } from '@idp/api'
import type { AdmissionPlugin } from '../admission/admission.ts'
import { invalid } from '../verbs/invalid.ts'

/**
 * The CEL rules of custom resources: loads the engine before the first object that needs it is validated, and refuses CRDs whose rules do
 * not compile or cost too much. Nothing of CEL is loaded for a cluster without such rules.
 */
export const validationRules: AdmissionPlugin = {
  name: 'ValidationRules',
  async mutate({ resource }) {
    await resource.prepare?.()
  },
  async validate({ operation, resource, object, subresource }) {
    if (resource.kind.plural !== 'customresourcedefinitions' || object === undefined || subresource !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return
    const { spec } = object as unknown as CustomResourceDefinition
    const schemas = spec.versions.map((version) => version.schema?.openAPIV3Schema as Schema | undefined)
    if (!schemas.some((schema) => schema !== undefined && hasRules(schema))) return
    const { checkValidationRules } = await import('@idp/api/cel')
    const errors = schemas.flatMap((schema, i) => schema === undefined ? [] : checkValidationRules(schema, `spec.versions[${i}].schema.openAPIV3Schema`))
    if (errors.length > 0) throw invalid(resource, object, errors.map((error) => ({ ...error })))
  },
}
