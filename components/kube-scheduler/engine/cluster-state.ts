import type { Namespace, Node, Pod } from '@idp/api'
import { addPod, createNodeInfo, removePod, setNode, type NodeInfo } from './node-info.ts'

/** What filters and scores look at: nodes that exist, in a stable order, and the labels of namespaces. */
export interface ClusterView {
  nodes(): readonly NodeInfo[]
  namespace(name: string): Namespace | undefined
}

/** The scheduler's picture of the cluster: nodes, the pods on them, and pods it has placed that the API does not show there yet. */
export interface ClusterState extends ClusterView {
  node(name: string): NodeInfo | undefined
  putNode(node: Node): void
  removeNode(name: string): void
  /** A pod as the API shows it; counts on its node until it has ended. */
  putPod(pod: Pod): void
  removePod(uid: string): void
  /** Counts a pod on a node before the API knows. */
  assume(pod: Pod, node: string): void
  /** Takes an assumption back. */
  forget(uid: string): void
  isAssumed(uid: string): boolean
  /** How many pods on nodes say which pods they want far; 0 makes a check unnecessary. */
  readonly affinityPods: number
}

export function createClusterState(namespace: (name: string) => Namespace | undefined): ClusterState {
  const infos = new Map<string, NodeInfo>()
  const nodeOf = new Map<string, string>()
  const assumed = new Set<string>()
  let list: readonly NodeInfo[] | undefined
  let affinityPods = 0
  const infoOf = (name: string) => {
    let info = infos.get(name)
    if (info === undefined) infos.set(name, (info = createNodeInfo(name)))
    return info
  }
  const place = (pod: Pod, name: string) => {
    const info = infoOf(name)
    affinityPods -= info.withAffinity.size
    addPod(info, pod)
    affinityPods += info.withAffinity.size
    nodeOf.set(pod.metadata.uid ?? '', name)
  }
  const lift = (uid: string) => {
    const name = nodeOf.get(uid)
    const info = name === undefined ? undefined : infos.get(name)
    nodeOf.delete(uid)
    if (info === undefined) return
    affinityPods -= info.withAffinity.size
    removePod(info, uid)
    affinityPods += info.withAffinity.size
    if (info.node === undefined && info.pods.size === 0) infos.delete(info.name)
  }
  return {
    namespace,
    get affinityPods() { return affinityPods },
    nodes: () => (list ??= [...infos.values()].filter((info) => info.node !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1))),
    node: (name) => infos.get(name),
    putNode(node) {
      const info = infoOf(node.metadata.name ?? '')
      if (info.node === undefined) list = undefined
      setNode(info, node)
    },
    removeNode(name) {
      const info = infos.get(name)
      if (info === undefined) return
      setNode(info, undefined)
      list = undefined
      if (info.pods.size === 0) infos.delete(name)
    },
    putPod(pod) {
      const uid = pod.metadata.uid ?? ''
      const ended = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
      if (pod.spec.nodeName && !ended) {
        if (nodeOf.get(uid) !== undefined && nodeOf.get(uid) !== pod.spec.nodeName) lift(uid)
        assumed.delete(uid)
        place(pod, pod.spec.nodeName)
      } else if (!assumed.has(uid) || ended) lift(uid)
    },
    removePod(uid) {
      assumed.delete(uid)
      lift(uid)
    },
    assume(pod, node) {
      assumed.add(pod.metadata.uid ?? '')
      place(pod, node)
    },
    forget(uid) {
      if (!assumed.delete(uid)) return
      lift(uid)
    },
    isAssumed: (uid) => assumed.has(uid),
  }
}

/** The cluster with one node's pods changed: what preemption tries things out on. */
export function withNode(view: ClusterView, replaced: NodeInfo): ClusterView {
  const nodes = view.nodes().map((info) => (info.name === replaced.name ? replaced : info))
  return { nodes: () => nodes, namespace: (name) => view.namespace(name) }
}
