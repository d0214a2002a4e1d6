import { ApiError, type StatusCause } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import type { Resource } from '../resource.ts'

/** `Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0`. */
export function invalid(resource: Pick<Resource, 'kind'>, object: AnyObject, causes: readonly StatusCause[]): ApiError {
  const { kind, group } = resource.kind
  const name = object.metadata.name ?? object.metadata.generateName ?? ''
  const texts = causes.map((cause) => `${cause.field ?? '<nil>'}: ${cause.message ?? ''}`)
  const why = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`
  return new ApiError('Invalid', `${group === '' ? kind : `${kind}.${group}`} "${name}" is invalid: ${why}`, { details: { name, ...(group === '' ? {} : { group }), kind, causes: [...causes] } })
}
