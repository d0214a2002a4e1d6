import { ApiError } from '@idp/api'
import type { AnyObject } from '@idp/formats'
import { isRecord } from '../json-value.ts'
import type { ResourceRequest, User } from '../server-context.ts'
import { admitFields } from '../verbs/field-validation.ts'
import { asObjectOf, contentTypeOf, parseBody, readBody } from '../verbs/request-body.ts'
import { respond } from '../verbs/respond.ts'
import type { SpecialHandler } from '../verbs/route-resource.ts'
import { writeParameters } from '../verbs/write-options.ts'
import type { Attributes, Authorizer } from './authorizer.ts'
import type { PolicyRule } from './policy-rule.ts'

interface ReviewSpec {
  user?: string
  uid?: string
  groups?: string[]
  extra?: Record<string, string[]>
  namespace?: string
  resourceAttributes?: Partial<Record<'namespace' | 'verb' | 'group' | 'version' | 'resource' | 'subresource' | 'name', string>>
  nonResourceAttributes?: { path?: string; verb?: string }
}

/** Reads a review that is posted: an object that is answered, never stored. */
export async function readReview(request: ResourceRequest): Promise<AnyObject & { spec: ReviewSpec }> {
  if (request.info.verb !== 'create') throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource')
  const object = asObjectOf(request.resource, parseBody(await readBody(request.request), contentTypeOf(request.request)))
  admitFields(request, object, writeParameters(request))
  return { ...object, spec: isRecord(object['spec']) ? (object['spec'] as ReviewSpec) : {} }
}

export function accessReviewHandlers(authorizer: Authorizer): [string, SpecialHandler][] {
  const review = (userOf: (request: ResourceRequest, spec: ReviewSpec) => User): SpecialHandler => async (request) => {
    const object = await readReview(request)
    const decision = authorizer.authorize(userOf(request, object.spec), attributesOf(object.spec, request.info.namespace))
    return respond(request, { ...object, status: { allowed: decision.allowed, ...(decision.reason === undefined ? {} : { reason: decision.reason }) } }, { code: 201 })
  }
  const named = (_request: ResourceRequest, spec: ReviewSpec): User => ({ name: spec.user ?? '', groups: spec.groups ?? [], ...(spec.uid === undefined ? {} : { uid: spec.uid }), extra: spec.extra ?? {} })
  const self = (request: ResourceRequest): User => request.user
  return [
    ['authorization.k8s.io/subjectaccessreviews', review(named)],
    ['authorization.k8s.io/localsubjectaccessreviews', review(named)],
    ['authorization.k8s.io/selfsubjectaccessreviews', review(self)],
    ['authorization.k8s.io/selfsubjectrulesreviews', async (request) => {
      const object = await readReview(request)
      const rules = authorizer.rulesOf?.(request.user, object.spec.namespace ?? '') ?? []
      return respond(request, { ...object, status: rulesStatus(rules) }, { code: 201 })
    }],
  ]
}

function attributesOf({ resourceAttributes: resource, nonResourceAttributes: path }: ReviewSpec, namespace: string): Attributes {
  if (resource === undefined && path === undefined) throw new ApiError('Invalid', 'SubjectAccessReview.authorization.k8s.io "" is invalid: spec.resourceAttributes: Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified')
  return {
    isResource: resource !== undefined, verb: resource?.verb ?? path?.verb ?? '', path: path?.path ?? '', group: resource?.group ?? '', version: resource?.version ?? '',
    resource: resource?.resource ?? '', subresource: resource?.subresource ?? '', namespace: resource?.namespace ?? namespace, name: resource?.name ?? '',
  }
}

function rulesStatus(rules: readonly PolicyRule[]): object {
  return {
    incomplete: false,
    resourceRules: rules.filter((rule) => rule.nonResourceURLs === undefined || rule.nonResourceURLs.length === 0)
      .map(({ verbs, apiGroups, resources, resourceNames }) => ({ verbs, apiGroups: apiGroups ?? [], resources: resources ?? [], ...(resourceNames === undefined ? {} : { resourceNames }) })),
    nonResourceRules: rules.filter((rule) => (rule.nonResourceURLs?.length ?? 0) > 0).map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
  }
}
