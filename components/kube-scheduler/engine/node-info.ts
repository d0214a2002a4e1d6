import type { Node, Pod } from '@idp/api'
import { controllerOf } from '@idp/controller'
import { amountsOf, podRequest, scoringRequest, type Amounts } from './resource-amounts.ts'

/** A node with the pods on it, and sums that need not be made anew for each pod. */
export interface NodeInfo {
  readonly name: string
  node: Node | undefined
  allocatable: Amounts
  readonly pods: Map<string, Pod>
  readonly used: Record<string, number>
  /** As `used`, with the least that every pod is reckoned with. */
  readonly scored: { cpu: number; memory: number }
  /** Host ports in use, as `protocol/ip/port`, with how often. */
  readonly ports: Map<string, number>
  /** Pods that say which pods they want near or far. */
  readonly withAffinity: Map<string, Pod>
  /** How many pods each controller has here, by its uid. */
  readonly owners: Map<string, number>
}

export function createNodeInfo(name: string): NodeInfo {
  return { name, node: undefined, allocatable: {}, pods: new Map(), used: {}, scored: { cpu: 0, memory: 0 }, ports: new Map(), withAffinity: new Map(), owners: new Map() }
}

export function setNode(info: NodeInfo, node: Node | undefined): void {
  info.node = node
  info.allocatable = amountsOf(node?.status?.allocatable ?? node?.status?.capacity)
}

export function addPod(info: NodeInfo, pod: Pod): void {
  const uid = pod.metadata.uid ?? ''
  if (info.pods.has(uid)) removePod(info, uid)
  info.pods.set(uid, pod)
  if (pod.spec.affinity?.podAffinity !== undefined || pod.spec.affinity?.podAntiAffinity !== undefined) info.withAffinity.set(uid, pod)
  account(info, pod, 1)
}

export function removePod(info: NodeInfo, uid: string): void {
  const pod = info.pods.get(uid)
  if (pod === undefined) return
  info.pods.delete(uid)
  info.withAffinity.delete(uid)
  account(info, pod, -1)
}

function account(info: NodeInfo, pod: Pod, sign: 1 | -1): void {
  for (const [resource, amount] of Object.entries(podRequest(pod))) info.used[resource] = (info.used[resource] ?? 0) + sign * amount
  info.scored.cpu += sign * scoringRequest(pod, 'cpu')
  info.scored.memory += sign * scoringRequest(pod, 'memory')
  for (const port of hostPorts(pod)) count(info.ports, port, sign)
  const owner = controllerOf(pod)
  if (owner !== undefined) count(info.owners, owner.uid, sign)
}

function count(counts: Map<string, number>, key: string, change: number): void {
  const next = (counts.get(key) ?? 0) + change
  if (next === 0) counts.delete(key)
  else counts.set(key, next)
}

/** A copy whose pods can be changed without touching the original. */
export function cloneNodeInfo(info: NodeInfo): NodeInfo {
  return { ...info, pods: new Map(info.pods), used: { ...info.used }, scored: { ...info.scored }, ports: new Map(info.ports), withAffinity: new Map(info.withAffinity), owners: new Map(info.owners) }
}

const noPorts: readonly string[] = []
const portsOfSpec = new WeakMap<object, readonly string[]>()

/** The host ports a pod asks for, as `protocol/ip/port`. */
export function hostPorts(pod: Pod): readonly string[] {
  let ports = portsOfSpec.get(pod.spec)
  if (ports === undefined) {
    const sidecars = (pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always')
    const found = [...pod.spec.containers, ...sidecars].flatMap((container) => (container.ports ?? [])
      .filter(({ hostPort }) => hostPort !== undefined && hostPort > 0)
      .map(({ protocol, hostIP, hostPort }) => `${protocol ?? 'TCP'}/${hostIP || '0.0.0.0'}/${hostPort}`))
    portsOfSpec.set(pod.spec, (ports = found.length === 0 ? noPorts : found))
  }
  return ports
}
