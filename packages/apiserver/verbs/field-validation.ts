import { ApiError } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { cloneJson } from '../json-value.ts'
import type { ResourceRequest } from '../server-context.ts'
import type { WriteParameters } from './write-options.ts'

/**
 * Reads an object as its kind's decoder does: types are checked, unknown fields are dropped, warned of or refused, as
 * `fieldValidation` asks. `patch` is the text of the patch that made the object.
 */
export function admitFields({ resource, warnings }: ResourceRequest, object: AnyObject, write: WriteParameters, patch?: string): void {
  const unknown = resource.decode(object)
  if (unknown.length === 0 || write.fieldValidation === 'Ignore') return
  if (write.fieldValidation === 'Strict') {
    const strict = `strict decoding error: ${unknown.map((field) => `unknown field "${field}"`).join(', ')}`
    // A patch is refused as a value of its own: the fields may come from the stored object.
    if (patch !== undefined) {
      const message = `Invalid value: ${JSON.stringify(patch)}: ${strict}`
      throw new ApiError('Invalid', ` "" is invalid: patch: ${message}`, { details: { causes: [{ reason: 'FieldValueInvalid', field: 'patch', message }] } })
    }
    throw new ApiError('BadRequest', `${resource.kind.kind} in version "${resource.kind.version}" cannot be handled as a ${resource.kind.kind}: ${strict}`)
  }
  for (const field of unknown) warnings.add(`unknown field "${field}"`)
}

/** An apply configuration is taken as it was sent: it must fit its kind, but owns nothing that decoding would add. Throws in upstream's words. */
export function checkApplyConfig({ resource, info }: ResourceRequest, config: AnyObject): void {
  const unknown = resource.decode(cloneJson(config))
  if (unknown.length === 0) return
  const lines = unknown.map((field) => `.${field}: field not declared in schema`)
  const where = `${info.namespace === '' ? '' : `${info.namespace}/`}${info.name}; ${config.apiVersion}, Kind=${config.kind}`
  throw new ApiError('Unknown', `failed to create typed patch object (${where}): ${lines.length === 1 ? lines[0] ?? '' : `errors:\n${lines.map((line) => `  ${line}`).join('\n')}`}`)
}
