import { apiVersionOf } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import type { AdmissionRequest } from '../admission/admission.ts'
import { convertTo } from '../presenter.ts'
import type { MatchedAs } from './match-webhook.ts'

/** What a webhook answers. */
export interface AdmissionResponse {
  uid?: string
  allowed?: boolean
  status?: { message?: string; reason?: string; code?: number; details?: object }
  patch?: string
  patchType?: string
  auditAnnotations?: Record<string, string>
  warnings?: string[]
}

/** The `admission.k8s.io/v1` AdmissionReview for a request, seen as `as`. */
export async function admissionReview(request: AdmissionRequest, as: MatchedAs, uid: string): Promise<object> {
  const { kind } = request.resource
  const gvr = (version: string) => ({ group: kind.group, version, resource: kind.plural })
  const gvk = (version: string, name: string) => ({ group: kind.group, version, kind: name })
  const apiVersion = apiVersionOf({ group: as.group, version: as.version })
  const seen = async (object: AnyObject | undefined) => (object === undefined ? null : object.apiVersion === apiVersionOf(kind) ? convertTo(request.resource, object, apiVersion) : object)
  const sub = request.subresource === '' ? {} : { subResource: request.subresource, requestSubResource: request.subresource }
  const { name: username, uid: userUid, groups, extra } = request.user
  return {
    kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1',
    request: {
      uid, kind: gvk(as.version, as.kind), resource: gvr(as.version), requestKind: gvk(kind.version, kind.kind), requestResource: gvr(kind.version), ...sub,
      ...(request.name === '' ? {} : { name: request.name }), ...(request.namespace === '' ? {} : { namespace: request.namespace }), operation: request.operation,
      userInfo: { username, ...(userUid === undefined ? {} : { uid: userUid }), groups, ...(extra === undefined ? {} : { extra }) },
      object: await seen(request.object), oldObject: await seen(request.old), dryRun: request.dryRun, options: request.options,
    },
  }
}
