import type { Job, Pod } from '@idp/api'

type Rule = NonNullable<NonNullable<Job['spec']>['podFailurePolicy']>['rules'][number]

export interface FailureVerdict {
  readonly action: 'FailJob' | 'Ignore' | 'Count' | 'FailIndex'
  readonly message?: string
}

/** What the Job's podFailurePolicy says of a failed pod: the first rule that matches; `Count` when none does. */
export function failureVerdict(job: Job, pod: Pod): FailureVerdict {
  for (const [i, rule] of (job.spec?.podFailurePolicy?.rules ?? []).entries()) {
    const why = rule.onExitCodes === undefined ? matchingCondition(rule, pod) : matchingExit(rule.onExitCodes, pod)
    if (why !== undefined) return { action: rule.action as FailureVerdict['action'], message: `${why} matching ${rule.action} rule at index ${i}` }
  }
  return { action: 'Count' }
}

function matchingExit(wanted: NonNullable<Rule['onExitCodes']>, pod: Pod): string | undefined {
  for (const status of [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])]) {
    const code = status.state?.terminated?.exitCode
    if (code === undefined || code === 0 || (wanted.containerName !== undefined && wanted.containerName !== status.name)) continue
    if (wanted.values.includes(code) === (wanted.operator === 'In')) return `Container ${status.name} for pod ${pod.metadata.namespace}/${pod.metadata.name} failed with exit code ${code}`
  }
  return undefined
}

function matchingCondition(rule: Rule, pod: Pod): string | undefined {
  const found = rule.onPodConditions?.find((wanted) => pod.status?.conditions?.some((c) => c.type === wanted.type && c.status === (wanted.status ?? 'True')))
  return found === undefined ? undefined : `Pod ${pod.metadata.namespace}/${pod.metadata.name} has condition ${found.type}`
}

/** How long to wait after `failures` failed pods in a row before the next one is made, in milliseconds: 10 s doubling to 10 min. */
export function jobBackoffMs(failures: number): number {
  return failures <= 0 ? 0 : Math.min(600_000, 10_000 * 2 ** (failures - 1))
}

/** When a pod ended, in milliseconds since the epoch: its last container's end, or the moment it was marked. */
export function finishedAt(pod: Pod): number | undefined {
  const ends = (pod.status?.containerStatuses ?? []).map((status) => Date.parse(String(status.state?.terminated?.finishedAt ?? ''))).filter((ms) => !Number.isNaN(ms))
  if (ends.length > 0) return Math.max(...ends)
  const transitions = (pod.status?.conditions ?? []).map((c) => Date.parse(String(c.lastTransitionTime ?? ''))).filter((ms) => !Number.isNaN(ms))
  return transitions.length > 0 ? Math.max(...transitions) : undefined
}
