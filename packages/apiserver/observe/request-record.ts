import type { RequestInfo } from '../request-info.ts'
import type { User } from '../server-context.ts'

/** What was learned about a request while it was served, for metrics and the audit log. */
export interface RequestRecord {
  readonly request: Request
  readonly sourceAddress: string
  /** Milliseconds since the epoch. */
  readonly received: number
  user?: User
  /** Who it came from, when `user` is impersonated. */
  realUser?: User
  info?: RequestInfo
  dryRun?: boolean
  readonly annotations: Map<string, string>
}
