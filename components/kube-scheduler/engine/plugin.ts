import type { Pod } from '@idp/api'
import type { ClusterView } from './cluster-state.ts'
import type { NodeInfo } from './node-info.ts'

/** Why a pod does not fit a node. */
export interface Misfit {
  readonly plugin: string
  /** In upstream's words; one node may have several. */
  readonly reasons: readonly string[]
  /** True when removing pods from the node would not help. */
  readonly final: boolean
}

/** One rule. `prepare` looks at the pod and the cluster once and returns the check for single nodes. */
export interface Filter {
  readonly name: string
  /** undefined: the rule does not concern this pod. A Misfit: no node will do. */
  prepare(pod: Pod, view: ClusterView): NodeCheck | Misfit | undefined
}

export type NodeCheck = (info: NodeInfo) => Misfit | undefined

export interface Score {
  readonly name: string
  readonly weight: number
  /** undefined: says nothing about this pod. Otherwise points for each node, 0 to 100, more is better. */
  score(pod: Pod, nodes: readonly NodeInfo[], view: ClusterView): readonly number[] | undefined
}

export function misfit(plugin: string, reason: string, final = false): Misfit {
  return { plugin, reasons: [reason], final }
}
