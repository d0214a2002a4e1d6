import type { RequestInfo } from '../request-info.ts'
import type { User } from '../server-context.ts'
import type { PolicyRule } from './policy-rule.ts'

/** What is asked: one verb on one resource or path. `*` in a resource asks for all. */
export type Attributes = Pick<RequestInfo, 'verb' | 'path' | 'isResource' | 'group' | 'version' | 'resource' | 'subresource' | 'namespace' | 'name'>

export interface Decision {
  readonly allowed: boolean
  readonly reason?: string
}

export interface Authorizer {
  authorize(user: User, attributes: Attributes): Decision
  /** What a user may do in a namespace, for SelfSubjectRulesReview; absent where it cannot be listed. */
  rulesOf?(user: User, namespace: string): readonly PolicyRule[]
}

/** For tests of what lies above: everybody may do everything. */
export const alwaysAllow: Authorizer = {
  authorize: () => ({ allowed: true }),
  rulesOf: () => [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }, { verbs: ['*'], nonResourceURLs: ['*'] }],
}
