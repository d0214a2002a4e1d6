import { isOpen } from './track-issues.ts'
import { issueSeverities, type Issue, type IssueType } from './state.ts'

/** A metric of the server: its key, what it is called, and which way is better. */
export interface Metric { readonly key: string; readonly name: string; readonly type: 'INT' | 'PERCENT' | 'RATING' | 'WORK_DUR' | 'LEVEL'; readonly domain: string; readonly direction: -1 | 0 | 1 }

const rows: readonly [key: string, name: string, type: Metric['type'], domain: string, direction: Metric['direction']][] = [
  ['alert_status', 'Quality Gate Status', 'LEVEL', 'Releasability', 1], ['bugs', 'Bugs', 'INT', 'Reliability', -1], ['vulnerabilities', 'Vulnerabilities', 'INT', 'Security', -1], ['code_smells', 'Code Smells', 'INT', 'Maintainability', -1],
  ['violations', 'Issues', 'INT', 'Issues', -1], ['blocker_violations', 'Blocker Issues', 'INT', 'Issues', -1], ['critical_violations', 'Critical Issues', 'INT', 'Issues', -1], ['major_violations', 'Major Issues', 'INT', 'Issues', -1], ['minor_violations', 'Minor Issues', 'INT', 'Issues', -1], ['info_violations', 'Info Issues', 'INT', 'Issues', -1],
  ['reliability_rating', 'Reliability Rating', 'RATING', 'Reliability', -1], ['security_rating', 'Security Rating', 'RATING', 'Security', -1], ['sqale_rating', 'Maintainability Rating', 'RATING', 'Maintainability', -1], ['sqale_index', 'Technical Debt', 'WORK_DUR', 'Maintainability', -1], ['sqale_debt_ratio', 'Technical Debt Ratio', 'PERCENT', 'Maintainability', -1],
  ['coverage', 'Coverage', 'PERCENT', 'Coverage', 1], ['lines_to_cover', 'Lines to Cover', 'INT', 'Coverage', -1], ['uncovered_lines', 'Uncovered Lines', 'INT', 'Coverage', -1], ['ncloc', 'Lines of Code', 'INT', 'Size', 0], ['files', 'Files', 'INT', 'Size', 0], ['duplicated_lines_density', 'Duplicated Lines (%)', 'PERCENT', 'Duplications', -1],
  ['new_violations', 'New Issues', 'INT', 'Issues', -1], ['new_bugs', 'New Bugs', 'INT', 'Reliability', -1], ['new_vulnerabilities', 'New Vulnerabilities', 'INT', 'Security', -1], ['new_code_smells', 'New Code Smells', 'INT', 'Maintainability', -1], ['new_reliability_rating', 'Reliability Rating on New Code', 'RATING', 'Reliability', -1], ['new_security_rating', 'Security Rating on New Code', 'RATING', 'Security', -1],
  ['new_coverage', 'Coverage on New Code', 'PERCENT', 'Coverage', 1], ['new_lines', 'New Lines', 'INT', 'Size', 0], ['new_duplicated_lines_density', 'Duplicated Lines (%) on New Code', 'PERCENT', 'Duplications', -1], ['new_security_hotspots_reviewed', 'Security Hotspots Reviewed on New Code', 'PERCENT', 'SecurityReview', 1],
]

export const metrics: readonly Metric[] = rows.map(([key, name, type, domain, direction]) => ({ key, name, type, domain, direction }))

/** Measures that follow from issues. `since` is the date from which issues are new; undefined for the first analysis, which has no new code. */
export function issueMeasures(issues: readonly Issue[], { ncloc, since }: { readonly ncloc: number | undefined; readonly since: number | undefined }): Record<string, string> {
  const open = issues.filter(isOpen)
  const fresh = since === undefined ? [] : open.filter(({ created }) => created > since)
  const of = (all: readonly Issue[], type: IssueType): Issue[] => all.filter((issue) => issue.type === type)
  const debt = of(open, 'CODE_SMELL').reduce((sum, { effortMinutes }) => sum + effortMinutes, 0)
  // Thirty minutes to write a line, as upstream has it.
  const ratio = ncloc === undefined || ncloc === 0 ? undefined : (100 * debt) / (ncloc * 30)
  return {
    violations: String(open.length), bugs: String(of(open, 'BUG').length), vulnerabilities: String(of(open, 'VULNERABILITY').length), code_smells: String(of(open, 'CODE_SMELL').length),
    ...Object.fromEntries(issueSeverities.map((severity) => [`${severity.toLowerCase()}_violations`, String(open.filter((issue) => issue.severity === severity).length)])),
    reliability_rating: worstRating(of(open, 'BUG')), security_rating: worstRating(of(open, 'VULNERABILITY')), sqale_index: String(debt),
    ...ratio === undefined ? {} : { sqale_debt_ratio: ratio.toFixed(1), sqale_rating: `${1 + [5, 10, 20, 50].filter((bound) => ratio > bound).length}.0` },
    ...since === undefined ? {} : {
      new_violations: String(fresh.length), new_bugs: String(of(fresh, 'BUG').length), new_vulnerabilities: String(of(fresh, 'VULNERABILITY').length), new_code_smells: String(of(fresh, 'CODE_SMELL').length),
      new_reliability_rating: worstRating(of(fresh, 'BUG')), new_security_rating: worstRating(of(fresh, 'VULNERABILITY')),
    },
  }
}

/** A (1.0) without an issue, then by the worst one: minor B, major C, critical D, blocker E. */
function worstRating(issues: readonly Issue[]): string {
  const worst = Math.min(...issues.map(({ severity }) => issueSeverities.indexOf(severity)))
  return issues.length === 0 || worst >= issueSeverities.indexOf('INFO') ? '1.0' : `${5 - worst}.0`
}
