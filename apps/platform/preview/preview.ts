import type { Clock, Random } from '@idp/kit'
import type { ChartSource } from '../repository/chart-index.ts'
import { admissionOf, compareFindings } from './admission.ts'
import { apiRules } from './api-rules.ts'
import { commitRepository, type CommitFiles, type CommitRepositoryOptions } from './commit-repository.ts'
import { compareSides } from './compare-sides.ts'
import { expandSide } from './expand-side.ts'
import { referenceOf } from './field-changes.ts'
import type { ApplicationChange, Preview, PreviewSummary } from './preview-model.ts'
import { projectFindings } from './project-findings.ts'
import { objectsOf, type Side } from './side.ts'
import { warningsOf } from './warnings.ts'
import { workloadSummary } from './workload-summary.ts'

export interface PreviewOptions extends Pick<CommitRepositoryOptions, 'isOwn' | 'pinned'> {
  readonly base: CommitFiles
  readonly head: CommitFiles
  readonly charts: ChartSource
  readonly clock: Clock
  readonly random: Random
  /** Told what is under way, in a few words. */
  onProgress?(message: string): void
}

/**
 * The consequences of going from one commit to another, found without a cluster: Applications, their objects, what the API server and the policies
 * say of them, and what else is odd. What cannot be rendered is a finding; only what concerns the repository as a whole throws.
 */
export async function preview({ base, head, charts, isOwn, pinned, clock, random, onProgress }: PreviewOptions): Promise<Preview> {
  const repository = commitRepository({ charts, isOwn, pinned })
  const expand = (files: CommitFiles, name: string) => expandSide(files, { repo: repository.at(files), clock, random, isOwn, onProgress: (application) => onProgress?.(`rendering ${application} of ${name}`) })
  const before = await expand(base, 'base')
  const rendered = await expand(head, 'head')
  const after = asLeftByBroken(rendered, before)
  const rules = apiRules(after)
  const changes = [...compareSides(before, after, rules), ...after.problems.map(({ name, ...problem }): ApplicationChange => ({ name, verdict: 'broken', madeBy: name, spec: [], objects: [], problem }))]
  const now = (): number => clock.now()
  const judge = (name: string) => (done: number, of: number) => onProgress?.(`admission of ${name}: ${done} of ${of} objects`)
  const kept = new Set(objectsOf(after).map(({ object }) => JSON.stringify(referenceOf(object))))
  const { added, resolved, standing } = compareFindings([...projectFindings(before), ...await admissionOf(before, { now, onProgress: judge('base') })], [...projectFindings(after), ...await admissionOf(after, { now, onProgress: judge('head') })], (object) => kept.has(JSON.stringify(object)))
  const warnings = warningsOf({ side: before, rules: apiRules(before) }, { side: after, rules })
  return {
    base: base.commit, head: head.commit, applications: changes, unchanged: [...after.applications.keys()].filter((name) => before.applications.has(name) && !changes.some((one) => one.name === name)).length,
    admission: added, resolved, standing, warnings, workloads: workloadSummary(before, after), summary: summaryOf(changes, added, warnings.length),
  }
}

/** Argo CD leaves the objects of an Application that it cannot render as they are. */
function asLeftByBroken(head: Side, base: Side): Side {
  return { ...head, applications: new Map([...head.applications].map(([name, one]) => [name, one.problem === undefined ? one : { ...one, objects: base.applications.get(name)?.objects ?? [] }])) }
}

function summaryOf(changes: readonly ApplicationChange[], admission: Preview['admission'], warnings: number): PreviewSummary {
  const verdicts = (verdict: ApplicationChange['verdict']): number => changes.filter((one) => one.verdict === verdict).length
  const objects = changes.flatMap((one) => one.objects)
  const outcomes = (...wanted: string[]): number => admission.filter(({ outcome }) => wanted.includes(outcome)).length
  return {
    appear: verdicts('appears'), change: verdicts('changes'), vanish: verdicts('vanishes'), broken: verdicts('broken'),
    created: objects.filter(({ action }) => action === 'created').length, changed: objects.filter(({ action }) => action === 'changed').length, pruned: objects.filter(({ action }) => action === 'pruned').length,
    recreated: objects.filter(({ recreated }) => recreated !== undefined).length, refused: outcomes('refused') + objects.filter(({ refused }) => refused !== undefined).length,
    mutated: outcomes('mutated'), audited: outcomes('audited', 'error'), warnings,
  }
}

/** Whether the change must not be merged as it is. */
export const isRefused = ({ summary }: Preview): boolean => summary.refused + summary.broken > 0
