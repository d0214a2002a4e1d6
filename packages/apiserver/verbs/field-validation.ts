import { ApiError } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import type { ResourceRequest } from '../server-context.ts'
import type { WriteParameters } from './write-options.ts'

/**
 * Reads an object as its kind's decoder does: types are checked, unknown fields are dropped, warned of or refused, as
 * `fieldValidation` asks.
 */
export function admitFields({ resource, warnings }: ResourceRequest, object: AnyObject, write: WriteParameters, { defaults = true }: { defaults?: boolean } = {}): void {
  const unknown = resource.decode(object, defaults)
  if (unknown.length === 0 || write.fieldValidation === 'Ignore') return
  if (write.fieldValidation === 'Strict') {
    throw new ApiError('BadRequest', `${resource.kind.kind} in version "${resource.kind.version}" cannot be handled as a ${resource.kind.kind}: strict decoding error: ${unknown.map((field) => `unknown field "${field}"`).join(', ')}`)
  }
  for (const field of unknown) warnings.add(`unknown field "${field}"`)
}
