import { ApiError } from '@idp/api'
import type { AdmissionPlugin } from './admission.ts'

const withoutCel = 'this server does not evaluate CEL yet'

/** Tells by name what is stored but not acted on, and refuses what would be unsafe to ignore. */
export const unservedFeatures: AdmissionPlugin = {
  name: 'UnservedFeatures',
  validate({ operation, resource, object, warnings, subresource }) {
    if (object === undefined || subresource !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return
    const { group, plural, kind } = resource.kind
    if (group === 'admissionregistration.k8s.io') {
      const webhooks = (object['webhooks'] ?? []) as { name?: string; matchConditions?: unknown[] }[]
      const conditional = webhooks.findIndex((webhook) => (webhook.matchConditions?.length ?? 0) > 0)
      if (conditional >= 0) throw new ApiError('Invalid', `${kind}.${group} ${JSON.stringify(object.metadata.name ?? '')} is invalid: webhooks[${conditional}].matchConditions: Forbidden: ${withoutCel}`)
      if (plural.includes('admissionpolic')) warnings.add(`${kind} ${object.metadata.name ?? ''} is stored but enforces nothing: ${withoutCel}`)
    }
  },
}
