import { ApiError, type StatusCause, type StatusReason } from '@idp/api'
import { detailsOf, qualifiedResource } from '../object-storage.ts'
import type { AdmissionRequest } from './admission.ts'

/** `pods "x" is forbidden: <why>`, the form of every refusal by built-in admission. */
export function deny(request: Pick<AdmissionRequest, 'resource' | 'name'>, why: string, causes?: StatusCause[], status: { readonly reason?: StatusReason; readonly code?: number } = {}): ApiError {
  const { resource, name } = request
  return new ApiError(status.reason ?? 'Forbidden', `${qualifiedResource(resource)} ${JSON.stringify(name)} is forbidden: ${why}`, {
    ...(status.code === undefined ? {} : { code: status.code }),
    details: { ...detailsOf(resource, name), ...(causes === undefined ? {} : { causes }) },
  })
}

/** True for a creation of one of `plurals` itself, not of a subresource. */
export function creates(request: AdmissionRequest, group: string, ...plurals: string[]): boolean {
  return request.operation === 'CREATE' && request.subresource === '' && request.resource.kind.group === group && plurals.includes(request.resource.kind.plural)
}
