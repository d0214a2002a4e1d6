import { ApiRefusal } from './api-error.ts'
import { coveragePercent, readGenericCoverage, type Coverage } from './generic-coverage.ts'
import { readGenericIssues } from './generic-issues.ts'
import { issueMeasures } from './measures.ts'
import { evaluateGate, type GateStatus } from './quality-gate.ts'
import type { Analysis, Gate, Project, State } from './state.ts'
import { trackIssues } from './track-issues.ts'

/** What is submitted in place of a scanner's report: results in SonarQube's generic formats, and figures that the sender has counted. */
export interface Submission {
  readonly projectVersion?: string
  readonly revision?: string
  /** Generic issue import format. */
  readonly issues?: unknown
  /** Generic test coverage, XML. */
  readonly coverage?: string
  readonly measures?: Readonly<Record<string, number>>
}

/** Metrics that a sender may give, since they need the sources: sizes, duplication, and what concerns new lines. */
const given = new Set(['ncloc', 'files', 'duplicated_lines_density', 'new_lines', 'new_coverage', 'new_duplicated_lines_density', 'new_security_hotspots_reviewed'])

/** Takes an analysis into a project: tracks its issues, computes measures and the gate. Changes nothing when it throws ApiRefusal. */
export function analyse(state: State, project: Project, submission: Submission, { now, newKey }: { readonly now: number; readonly newKey: () => string }): { readonly analysis: Analysis; readonly gate: GateStatus } {
  const { rules, issues } = readGenericIssues(submission.issues ?? { issues: [] })
  const numbers = readMeasures(submission.measures ?? {})
  const coverage = submission.coverage === undefined ? undefined : readGenericCoverage(submission.coverage)
  const version = submission.projectVersion ?? project.analyses[0]?.version ?? 'not provided'
  const tracked = trackIssues(project.issues, issues, now, newKey)
  const measures = { ...numbers, ...coverage === undefined ? {} : coverageMeasures(coverage), ...issueMeasures(tracked, { ncloc: numbers['ncloc'] === undefined ? undefined : Number(numbers['ncloc']), since: baseline(project, version) }) }
  const gate = evaluateGate(gateOf(state, project), measures)
  const analysis: Analysis = { key: newKey(), date: now, version, ...(submission.revision === undefined ? {} : { revision: submission.revision }), gate: gate.status }
  project.issues = tracked
  project.measures = { ...measures, alert_status: gate.status }
  project.analyses = [analysis, ...project.analyses].slice(0, 100)
  for (const rule of rules) state.rules[rule.key] = rule
  return { analysis, gate }
}

/** The gate that a project is judged by: its own, else the default one. */
export function gateOf(state: State, project: Pick<Project, 'gate'>): Gate {
  const found = state.gates.find(({ name }) => name === (project.gate ?? state.defaultGate)) ?? state.gates[0]
  if (found === undefined) throw new ApiRefusal('there is no quality gate', 500)
  return found
}

/** New code begins after the last analysis of the previous version; with one version only, after the first analysis. */
export function baseline(project: Pick<Project, 'analyses'>, version: string): number | undefined {
  return (project.analyses.find((analysis) => analysis.version !== version) ?? project.analyses.at(-1))?.date
}

/** The date from which issues counted as new in the last analysis. */
export const lastBaseline = ({ analyses }: Pick<Project, 'analyses'>): number | undefined => baseline({ analyses: analyses.slice(1) }, analyses[0]?.version ?? '')

function readMeasures(measures: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(measures).map(([key, value]) => {
    if (!given.has(key)) throw new ApiRefusal(`measures.${key} cannot be given; known: ${[...given].join(', ')}`)
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) throw new ApiRefusal(`measures.${key} must be a number`)
    return [key, String(value)]
  }))
}

function coverageMeasures(coverage: Coverage): Record<string, string> {
  const percent = coveragePercent(coverage)
  return { lines_to_cover: String(coverage.linesToCover), uncovered_lines: String(coverage.linesToCover - coverage.coveredLines), ...percent === undefined ? {} : { coverage: percent.toFixed(1) } }
}
