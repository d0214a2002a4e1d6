import type { Pod, PodDisruptionBudget } from '@idp/api'
import { matchesLabelSelector } from '@idp/formats'
import { withNode, type ClusterView } from './cluster-state.ts'
import { prepareChecks } from './find-node.ts'
import { countReasons } from './fit-message.ts'
import { addPod, cloneNodeInfo, removePod, type NodeInfo } from './node-info.ts'
import type { Filter, Misfit } from './plugin.ts'

export interface Preemption {
  readonly node: string
  readonly victims: readonly Pod[]
}

export interface PreemptionOptions {
  readonly pod: Pod
  readonly view: ClusterView
  readonly filters: readonly Filter[]
  readonly misfits: ReadonlyMap<string, Misfit>
  readonly budgets: readonly PodDisruptionBudget[]
  readonly priorityOf: (pod: Pod) => number
}

interface Candidate extends Preemption { readonly violations: number }

/** The node where removing the least important pods makes room, or why there is none, in upstream's words. */
export function findPreemption({ pod, view, filters, misfits, budgets, priorityOf }: PreemptionOptions): Preemption | string {
  const nodes = view.nodes()
  if (pod.spec.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.'
  const priority = priorityOf(pod)
  const candidates: Candidate[] = []
  const reasons: string[] = []
  for (const info of nodes) {
    const misfit = misfits.get(info.name)
    if (misfit === undefined || misfit.final) {
      reasons.push('Preemption is not helpful for scheduling')
      continue
    }
    const candidate = tryNode({ pod, view, filters, budgets, priorityOf }, info, priority)
    if (candidate === undefined) reasons.push('No preemption victims found for incoming pod')
    else candidates.push(candidate)
  }
  const best = candidates.sort((a, b) => compare(a, b, priorityOf))[0]
  return best ?? `0/${nodes.length} nodes are available: ${countReasons(reasons)}.`
}

type Attempt = Pick<PreemptionOptions, 'pod' | 'view' | 'filters' | 'budgets' | 'priorityOf'>

/** Removes everything less important, then puts back what still fits, most important first; what breaks a disruption budget is put back first of all. */
function tryNode({ pod, view, filters, budgets, priorityOf }: Attempt, info: NodeInfo, priority: number): Candidate | undefined {
  const lower = [...info.pods.values()].filter((other) => priorityOf(other) < priority)
  if (lower.length === 0) return undefined
  const trial = cloneNodeInfo(info)
  for (const other of lower) removePod(trial, other.metadata.uid ?? '')
  const changed = withNode(view, trial)
  const fits = () => {
    const check = prepareChecks(pod, changed, filters)
    return typeof check === 'function' && check(trial) === undefined
  }
  if (!fits()) return undefined
  const { violating, others } = splitByBudget(lower, budgets)
  const victims: Pod[] = []
  let violations = 0
  const important = (a: Pod, b: Pod) => priorityOf(b) - priorityOf(a) || startOf(a) - startOf(b)
  for (const [group, counts] of [[violating, 1], [others, 0]] as const) {
    for (const other of [...group].sort(important)) {
      addPod(trial, other)
      if (fits()) continue
      removePod(trial, other.metadata.uid ?? '')
      victims.push(other)
      violations += counts
    }
  }
  return victims.length === 0 ? undefined : { node: info.name, victims: victims.sort(important), violations }
}

function splitByBudget(pods: readonly Pod[], budgets: readonly PodDisruptionBudget[]): { violating: Pod[]; others: Pod[] } {
  const left = budgets.map((budget) => budget.status?.disruptionsAllowed ?? 0)
  const violating: Pod[] = []
  const others: Pod[] = []
  for (const pod of pods) {
    let breaks = false
    for (const [i, budget] of budgets.entries()) {
      if (budget.metadata.namespace !== pod.metadata.namespace || !matchesLabelSelector(budget.spec?.selector, pod.metadata.labels ?? {})) continue
      if (budget.status?.disruptedPods?.[pod.metadata.name ?? ''] !== undefined) continue
      left[i] = (left[i] ?? 0) - 1
      if ((left[i] ?? 0) < 0) breaks = true
    }
    ;(breaks ? violating : others).push(pod)
  }
  return { violating, others }
}

/** Fewest broken budgets, then the least important victims, then the fewest, then the youngest. */
function compare(a: Candidate, b: Candidate, priorityOf: (pod: Pod) => number): number {
  const first = ({ victims }: Candidate) => (victims[0] === undefined ? 0 : priorityOf(victims[0]))
  const sum = ({ victims }: Candidate) => victims.reduce((total, victim) => total + priorityOf(victim) + 2 ** 31, 0)
  const earliest = ({ victims }: Candidate) => Math.min(...victims.filter((v) => priorityOf(v) === priorityOf(victims[0] ?? v)).map(startOf))
  return a.violations - b.violations || first(a) - first(b) || sum(a) - sum(b) || a.victims.length - b.victims.length || earliest(b) - earliest(a)
}

function startOf(pod: Pod): number {
  return Date.parse(String(pod.status?.startTime ?? pod.metadata.creationTimestamp ?? '')) || 0
}
