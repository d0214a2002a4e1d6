import type { AnyObject } from '@idp/formats'
import type { PolicyObject } from '../kinds/policy.ts'
import type { UpdateRequest } from '../kinds/update-request.ts'
import type { Request } from './context.ts'

const managed = { 'app.kubernetes.io/managed-by': 'kyverno' }

/** What a request leaves for the background controller: a policy whose rules change existing objects, and the trigger as it was seen. Names are given by the API server. */
export function updateRequestFor(policy: PolicyObject, rule: string, request: Request, namespace: string): UpdateRequest {
  const { object, oldObject, operation = 'CREATE', user } = request
  const { name = '', uid } = object.metadata
  const of = object.metadata.namespace
  return {
    apiVersion: 'kyverno.io/v2', kind: 'UpdateRequest', metadata: { generateName: 'ur-', namespace, labels: { ...managed, 'mutate.updaterequest.kyverno.io/policy-name': policy.metadata.name ?? '', 'mutate.updaterequest.kyverno.io/trigger-kind': object.kind } },
    spec: {
      requestType: 'mutate', policy: keyOf(policy), rule, deleteDownstream: false,
      resource: { apiVersion: object.apiVersion, kind: object.kind, name, ...(of === undefined ? {} : { namespace: of }), ...(uid === undefined ? {} : { uid }) },
      context: {
        ...(user === undefined ? {} : { userInfo: { userInfo: { username: user.username, groups: [...user.groups] }, roles: [...(user.roles ?? [])], clusterRoles: [...(user.clusterRoles ?? [])] } }),
        admissionRequestInfo: { operation, admissionRequest: { operation, ...(operation === 'DELETE' ? { oldObject: object } : { object, ...(oldObject === undefined ? {} : { oldObject }) }) } },
      },
    },
  }
}

/** The name of a policy as update requests and exceptions write it. */
export const keyOf = ({ metadata }: PolicyObject): string => (metadata.namespace === undefined ? metadata.name ?? '' : `${metadata.namespace}/${metadata.name ?? ''}`)

/** The request that an update request remembers; undefined when it holds no object. */
export function requestIn({ spec }: UpdateRequest, namespaceLabels: Readonly<Record<string, string>>): Request | undefined {
  const { admissionRequest, operation } = spec.context.admissionRequestInfo ?? {}
  const object: AnyObject | null | undefined = admissionRequest?.object ?? admissionRequest?.oldObject
  if (object === undefined || object === null) return undefined
  const { userInfo, roles = [], clusterRoles = [] } = spec.context.userInfo ?? {}
  return {
    object, operation: (admissionRequest?.operation ?? operation ?? 'CREATE') as NonNullable<Request['operation']>, namespaceLabels, oldObject: admissionRequest?.oldObject ?? undefined,
    ...(userInfo === undefined ? {} : { user: { username: userInfo.username ?? '', groups: userInfo.groups ?? [], roles, clusterRoles } }),
  }
}
