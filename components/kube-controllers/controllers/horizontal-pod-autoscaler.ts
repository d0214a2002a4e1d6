import { HorizontalPodAutoscaler, Pod } from '@idp/api'
import type { Controller, Outcome, Scope } from '@idp/controller'
import { messageOf, rfc3339 } from '@idp/kit'
import { defaultDown, defaultUp, policyLimit, stabilize, type Dated } from '../engine/autoscale.ts'
import { setCondition } from '../engine/conditions.ts'
import { measure, type Measured } from './autoscaler-metrics.ts'
import { readScale, writeScale, type ScaleTarget } from './autoscaler-scale.ts'

type Autoscaler = HorizontalPodAutoscaler
type Status = NonNullable<Autoscaler['status']>
const periodMs = 15_000

interface Memory { recommended: Dated[]; changes: Dated[] }

/** Sizes workloads by their metrics, every 15 seconds. */
export function horizontalPodAutoscalerController(): Controller<Autoscaler> {
  const memories = new Map<string, Memory>()
  return {
    name: 'horizontal-pod-autoscaler',
    for: HorizontalPodAutoscaler, reads: [Pod],
    // Our own status is no news; the period is ours.
    concerns: (before, after) => before === undefined || JSON.stringify(before.spec) !== JSON.stringify(after.spec),
    async reconcile(autoscaler, scope) {
      if (autoscaler.metadata.deletionTimestamp !== undefined) return
      const uid = autoscaler.metadata.uid ?? ''
      const memory = memories.get(uid) ?? { recommended: [], changes: [] }
      memories.set(uid, memory)
      return { status: await pass(new Report(autoscaler, scope), autoscaler, memory, scope), requeueAfter: periodMs } satisfies Outcome
    },
  }
}

/** Gathers the conditions of one pass. */
class Report {
  readonly status: Status
  #now: string
  #scope: Scope
  #autoscaler: Autoscaler
  constructor(autoscaler: Autoscaler, scope: Scope) {
    this.#autoscaler = autoscaler
    this.#scope = scope
    this.#now = rfc3339(scope.clock.now())
    this.status = { ...autoscaler.status, desiredReplicas: autoscaler.status?.desiredReplicas ?? 0 } as Status
  }
  condition(type: 'AbleToScale' | 'ScalingActive' | 'ScalingLimited', status: boolean, reason: string, message: string): void {
    this.status.conditions = setCondition(this.status.conditions as never[], { type, status: status ? 'True' : 'False', reason, message } as never, this.#now) as NonNullable<Status['conditions']>
  }
  event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#scope.event(this.#autoscaler, type, reason, message)
  }
}

async function pass(report: Report, autoscaler: Autoscaler, memory: Memory, scope: Scope): Promise<Status> {
  let target: ScaleTarget
  try {
    target = await readScale(autoscaler, scope)
  } catch (error) {
    report.condition('AbleToScale', false, 'FailedGetScale', `the HPA controller was unable to get the target's current scale: ${messageOf(error)}`)
    report.event('Warning', 'FailedGetScale', messageOf(error))
    return report.status
  }
  report.condition('AbleToScale', true, 'SucceededGetScale', "the HPA controller was able to get the target's current scale")
  report.status.currentReplicas = target.replicas
  if (target.replicas === 0) {
    report.condition('ScalingActive', false, 'ScalingDisabled', 'scaling is disabled since the replica count of the target is zero')
    return report.status
  }
  const decided = await decide(report, autoscaler, target, memory, scope)
  if (decided === undefined) return report.status
  report.status.desiredReplicas = decided.replicas
  if (decided.replicas === target.replicas) return report.status
  await writeScale(autoscaler, target, decided.replicas, scope)
  memory.changes = [...memory.changes.slice(-50), { at: scope.clock.now(), replicas: decided.replicas - target.replicas }]
  report.condition('AbleToScale', true, 'SucceededRescale', `the HPA controller was able to update the target scale to ${decided.replicas}`)
  report.event('Normal', 'SuccessfulRescale', `New size: ${decided.replicas}; reason: ${decided.reason}`)
  report.status.lastScaleTime = rfc3339(scope.clock.now())
  return report.status
}

async function decide(report: Report, autoscaler: Autoscaler, target: ScaleTarget, memory: Memory, scope: Scope): Promise<{ replicas: number; reason: string } | undefined> {
  const { minReplicas = 1, maxReplicas = 1 } = autoscaler.spec ?? {}
  if (target.replicas > maxReplicas) return { replicas: maxReplicas, reason: 'Current number of replicas above Spec.MaxReplicas' }
  if (target.replicas < minReplicas) return { replicas: minReplicas, reason: 'Current number of replicas below Spec.MinReplicas' }
  const measured = await measureAll(report, autoscaler, target, scope)
  if (measured === undefined) return undefined
  const best = measured.reduce((a, b) => (b.replicas > a.replicas ? b : a))
  report.status.currentMetrics = measured.map(({ status }) => status) as NonNullable<Status['currentMetrics']>
  report.condition('ScalingActive', true, 'ValidMetricFound', `the HPA was able to successfully calculate a replica count from ${best.name}`)
  const replicas = limit(report, autoscaler, target.replicas, best.replicas, memory, scope.clock.now())
  const direction = replicas > target.replicas ? `${best.name} above target` : 'All metrics below target'
  return { replicas, reason: direction }
}

async function measureAll(report: Report, autoscaler: Autoscaler, target: ScaleTarget, scope: Scope): Promise<Measured[] | undefined> {
  const measured: Measured[] = []
  let failure: { reason: string; message: string } | undefined
  for (const metric of autoscaler.spec?.metrics ?? []) {
    const found = await measure(metric, autoscaler, target, scope)
    if ('replicas' in found) measured.push(found)
    else {
      failure ??= found
      report.event('Warning', found.reason, found.message)
    }
  }
  // A metric that is missing may only hide a need for more: with it unknown nothing shrinks.
  const growing = measured.some(({ replicas }) => replicas > target.replicas)
  if (measured.length > 0 && (failure === undefined || growing)) return measured
  const { reason, message } = failure ?? { reason: 'InvalidMetricSourceType', message: 'the HPA has no metrics' }
  report.condition('ScalingActive', false, reason, `the HPA was unable to compute the replica count: ${message}`)
  report.event('Warning', 'FailedComputeMetricsReplicas', `invalid metrics (${autoscaler.spec?.metrics?.length ?? 0} invalid out of ${autoscaler.spec?.metrics?.length ?? 0}), first error is: ${message}`)
  return undefined
}

/** The size after stabilization, policies and bounds. */
function limit(report: Report, autoscaler: Autoscaler, current: number, wanted: number, memory: Memory, now: number): number {
  const { minReplicas = 1, maxReplicas = 1, behavior } = autoscaler.spec ?? {}
  const up = { ...defaultUp, ...behavior?.scaleUp }
  const down = { ...defaultDown, ...behavior?.scaleDown }
  memory.recommended = [...memory.recommended.filter(({ at }) => at > now - 3_600_000), { at: now, replicas: wanted }]
  const stable = stabilize(current, wanted, memory.recommended, up, down, now)
  if (stable === wanted) report.condition('AbleToScale', true, 'ReadyForNewScale', 'recommended size matches current size')
  else if (stable > wanted) report.condition('AbleToScale', true, 'ScaleDownStabilized', 'recent recommendations were higher than current one, applying the highest recent recommendation')
  else report.condition('AbleToScale', true, 'ScaleUpStabilized', 'recent recommendations were lower than current one, applying the lowest recent recommendation')
  const allowed = stable > current ? Math.min(stable, Math.max(current, policyLimit(current, memory.changes, up, true, now)))
    : stable < current ? Math.max(stable, Math.min(current, policyLimit(current, memory.changes, down, false, now))) : current
  if (stable > maxReplicas) report.condition('ScalingLimited', true, 'TooManyReplicas', 'the desired replica count is more than the maximum replica count')
  else if (stable < minReplicas) report.condition('ScalingLimited', true, 'TooFewReplicas', 'the desired replica count is less than the minimum replica count')
  else if (allowed !== stable) report.condition('ScalingLimited', true, stable > current ? 'ScaleUpLimit' : 'ScaleDownLimit', `the desired replica count is ${stable > current ? 'increasing' : 'decreasing'} faster than the maximum scale rate`)
  else report.condition('ScalingLimited', false, 'DesiredWithinRange', 'the desired count is within the acceptable range')
  return Math.min(maxReplicas, Math.max(minReplicas, allowed))
}
