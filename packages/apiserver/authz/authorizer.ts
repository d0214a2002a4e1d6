import type { RequestInfo } from '../request-info.ts'
import type { User } from '../server-context.ts'

/** What is asked: one verb on one resource or path. `*` in a resource asks for all. */
export type Attributes = Pick<RequestInfo, 'verb' | 'path' | 'isResource' | 'group' | 'version' | 'resource' | 'subresource' | 'namespace' | 'name'>

export interface Decision {
  readonly allowed: boolean
  readonly reason?: string
}

export interface Authorizer {
  authorize(user: User, attributes: Attributes): Decision
}

/** For tests of what lies above: everybody may do everything. */
export const alwaysAllow: Authorizer = { authorize: () => ({ allowed: true }) }
