/** Everything that the server keeps; plain JSON, written to its volume. */
export interface State {
  readonly id: string
  readonly projects: Record<string, Project>
  readonly gates: Gate[]
  readonly webhooks: Webhook[]
  readonly rules: Record<string, Rule>
  readonly tokens: Token[]
  readonly tasks: Task[]
  defaultGate: string
  /** scrypt of the administrator's password; absent before one is set. */
  passwordHash?: string
  /** scrypt of the password that the mounted Secret last gave: a change of the Secret counts, a restart does not. */
  secretHash?: string
}

export type IssueType = 'BUG' | 'VULNERABILITY' | 'CODE_SMELL'
export const issueSeverities = ['BLOCKER', 'CRITICAL', 'MAJOR', 'MINOR', 'INFO'] as const
export type IssueSeverity = (typeof issueSeverities)[number]
export type IssueStatus = 'OPEN' | 'CONFIRMED' | 'FALSE_POSITIVE' | 'ACCEPTED' | 'FIXED'

export interface Issue {
  readonly key: string
  readonly rule: string
  readonly type: IssueType
  readonly severity: IssueSeverity
  readonly path: string
  readonly line?: number
  readonly message: string
  readonly effortMinutes: number
  /** Milliseconds since the epoch. */
  readonly created: number
  updated: number
  status: IssueStatus
}

export interface Analysis { readonly key: string; readonly date: number; readonly version: string; readonly revision?: string; readonly gate: 'OK' | 'ERROR' }

export interface Project {
  readonly key: string
  name: string
  visibility: 'public' | 'private'
  readonly created: number
  gate?: string
  issues: Issue[]
  /** Measures by metric key, as of the last analysis. */
  measures: Record<string, string>
  analyses: Analysis[]
}

export interface Condition { readonly id: string; readonly metric: string; readonly op: 'GT' | 'LT'; readonly error: string }
export interface Gate { name: string; readonly isBuiltIn: boolean; conditions: Condition[] }
export interface Webhook { readonly key: string; readonly name: string; readonly url: string; readonly secret?: string; readonly project?: string; latest?: { readonly at: number; readonly success: boolean; readonly httpStatus: number } }
export interface Rule { readonly key: string; readonly name: string; readonly description: string; readonly type: IssueType; readonly severity: IssueSeverity; readonly repo: string }
/** Only the token's SHA-256 is kept: it is random, so nothing slower is needed. */
export interface Token { readonly name: string; readonly hash: string; readonly created: number; used?: number }
export interface Task { readonly id: string; readonly project: string; readonly status: 'SUCCESS' | 'FAILED'; readonly at: number; readonly analysis?: string; readonly error?: string }

export const sonarWay = 'Sonar way'

/** A server nobody has used. The built-in gate has the conditions of upstream's Sonar way. */
export function emptyState(id: string): State {
  const rows: readonly [metric: string, op: Condition['op'], error: string][] = [['new_violations', 'GT', '0'], ['new_security_hotspots_reviewed', 'LT', '100'], ['new_coverage', 'LT', '80'], ['new_duplicated_lines_density', 'GT', '3']]
  return { id, projects: {}, gates: [{ name: sonarWay, isBuiltIn: true, conditions: rows.map(([metric, op, error], index) => ({ id: String(index + 1), metric, op, error })) }], webhooks: [], rules: {}, tokens: [], tasks: [], defaultGate: sonarWay }
}
