/** What one pod of the target uses. `usage` is absent when there are no metrics of it. Amounts in thousandths. */
export interface PodSample { readonly usage: number | undefined; readonly request: number; readonly ready: boolean }

export interface Target { readonly utilization?: number; readonly averageValue?: number }

export interface Recommendation {
  readonly replicas: number
  /** Percent of requests in use now, where a percentage is aimed at. */
  readonly utilization: number | undefined
  /** Average use of a pod now, in thousandths. */
  readonly average: number
}

const tolerance = 0.1

/**
 * The replicas that bring average use to the target. Within a tenth of it nothing changes. Pods without metrics are reckoned to use all of the target
 * when it would shrink and nothing when it would grow, and unready ones nothing, so that neither is overdone. undefined: no metrics at all.
 */
export function recommend(current: number, samples: readonly PodSample[], target: Target): Recommendation | undefined {
  const known = samples.filter((sample) => sample.usage !== undefined && sample.ready)
  if (known.length === 0) return undefined
  const used = known.reduce((sum, { usage }) => sum + (usage ?? 0), 0)
  const requested = known.reduce((sum, { request }) => sum + request, 0)
  if (target.utilization !== undefined && requested === 0) return undefined
  const average = used / known.length
  const utilization = target.utilization === undefined ? undefined : Math.floor((used * 100) / requested)
  const ratioOf = (usage: number, request: number, count: number) => (target.utilization === undefined ? usage / count / (target.averageValue ?? 1) : (usage * 100) / request / target.utilization)
  const ratio = ratioOf(used, requested, known.length)
  const others = samples.filter((sample) => !known.includes(sample))
  if (others.length === 0) return { replicas: Math.abs(1 - ratio) <= tolerance ? current : Math.ceil(ratio * known.length), utilization, average }
  const wanted = (request: number) => (target.utilization === undefined ? target.averageValue ?? 0 : (request * target.utilization) / 100)
  const assumed = others.reduce((sum, { request, usage }) => sum + (ratio < 1 && usage === undefined ? wanted(request) : 0), 0)
  const all = ratioOf(used + assumed, requested + others.reduce((sum, { request }) => sum + request, 0), samples.length)
  const turned = (ratio < 1 && all > 1) || (ratio > 1 && all < 1)
  return { replicas: turned || Math.abs(1 - all) <= tolerance ? current : Math.ceil(all * samples.length), utilization, average }
}

export interface Rules {
  readonly stabilizationWindowSeconds?: number
  readonly selectPolicy?: string
  readonly policies?: readonly { readonly type: string; readonly value: number; readonly periodSeconds: number }[]
}

export const defaultUp: Required<Rules> = { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, { type: 'Percent', value: 100, periodSeconds: 15 }] }
export const defaultDown: Required<Rules> = { stabilizationWindowSeconds: 300, selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] }

/** A change of size that was made, or a size that was recommended. */
export interface Dated { readonly at: number; readonly replicas: number }

/** How far the rules let the size go in one direction now, given the changes of the last periods. */
export function policyLimit(current: number, changes: readonly Dated[], rules: Required<Rules>, up: boolean, now: number): number {
  if (rules.selectPolicy === 'Disabled') return current
  const limits = rules.policies.map(({ type, value, periodSeconds }) => {
    const moved = changes.filter(({ at, replicas }) => at > now - periodSeconds * 1000 && replicas > 0 === up).reduce((sum, { replicas }) => sum + replicas, 0)
    const start = current - moved
    if (up) return type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100))
    return type === 'Pods' ? start - value : Math.floor(start * (1 - value / 100))
  })
  const widest = (rules.selectPolicy === 'Min') !== up
  return widest ? Math.max(...limits) : Math.min(...limits)
}

/** The recommendation held against those of the stabilization windows: not above the least recent one, not below the highest. */
export function stabilize(current: number, wanted: number, recent: readonly Dated[], up: Required<Rules>, down: Required<Rules>, now: number): number {
  const within = (seconds: number) => recent.filter(({ at }) => at > now - seconds * 1000).map(({ replicas }) => replicas)
  const floor = Math.max(wanted, ...within(down.stabilizationWindowSeconds))
  const ceiling = Math.min(wanted, ...within(up.stabilizationWindowSeconds))
  return current < ceiling ? ceiling : current > floor ? floor : current
}
