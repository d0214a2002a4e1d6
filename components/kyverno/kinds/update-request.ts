import { defineKind, type Kind } from '@idp/api'
import type { AnyObject, KubeObject } from '@idp/formats'

/** UpdateRequest (kyverno.io): work that a request left for the background controller. */
export interface UpdateRequest extends KubeObject {
  readonly spec: {
    readonly requestType: 'mutate' | 'generate'
    /** `name`, or `namespace/name` of a Policy. */
    readonly policy: string
    readonly rule: string
    readonly deleteDownstream: boolean
    readonly resource: { readonly apiVersion: string; readonly kind: string; readonly name: string; readonly namespace?: string; readonly uid?: string }
    readonly context: {
      readonly userInfo?: { readonly userInfo?: { readonly username?: string; readonly groups?: readonly string[] }; readonly roles?: readonly string[]; readonly clusterRoles?: readonly string[] }
      readonly admissionRequestInfo?: { readonly operation?: string; readonly admissionRequest?: { readonly operation?: string; readonly object?: AnyObject | null; readonly oldObject?: AnyObject | null } }
    }
  }
  readonly status?: { readonly state?: 'Pending' | 'Failed' | 'Completed' | 'Skip'; readonly message?: string; readonly retryCount?: number }
}
export const UpdateRequestKind: Kind<UpdateRequest> = defineKind({ group: 'kyverno.io', version: 'v2', kind: 'UpdateRequest', plural: 'updaterequests', scope: 'Namespaced', shortNames: ['ur'], subresources: ['status'] })
