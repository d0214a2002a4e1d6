import { ApiError } from '@idp/api'
import type { AdmissionRequest } from '../admission/admission.ts'
import type { Webhook } from './call-webhook.ts'

/** Whether all CEL `matchConditions` of a webhook hold. */
export async function matchesConditions(webhook: Webhook, _request: AdmissionRequest): Promise<boolean> {
  if ((webhook.matchConditions?.length ?? 0) === 0) return true
  throw new ApiError('InternalError', `Internal error occurred: webhook ${JSON.stringify(webhook.name)} has matchConditions, which this server does not evaluate yet`)
}
