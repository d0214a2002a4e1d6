import type { Node } from '@idp/api'
import type { NodeSpec } from '@idp/sandbox'
import { rfc3339 } from '@idp/kit'

export type PlacedNode = NodeSpec & { readonly address: string; readonly podPrefix: string }

const kubeletVersion = 'v1.35.0+idp'

/** What a node offers unless told otherwise. Simulated: nothing is reserved on the machine. */
const defaultCapacity = { cpu: '16', memory: '32Gi', 'ephemeral-storage': '100Gi', pods: '110' }

export function capacityOf(spec: NodeSpec): Record<string, string> {
  return { ...defaultCapacity, ...spec.capacity }
}

/** The Node object as the agent registers it. */
export function nodeObject(spec: PlacedNode, now: number): Node {
  const role = spec.controlPlane === true ? { 'node-role.kubernetes.io/control-plane': 'true' } : {}
  return {
    apiVersion: 'v1', kind: 'Node',
    metadata: {
      name: spec.name,
      labels: {
        'beta.kubernetes.io/arch': 'amd64', 'beta.kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64', 'kubernetes.io/hostname': spec.name, 'kubernetes.io/os': 'linux',
        'node.kubernetes.io/instance-type': 'idp', ...role, ...spec.labels,
      },
      annotations: { 'idp.dev/node': 'simulated', 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
    },
    spec: {
      podCIDR: `${spec.podPrefix}.0/24`, podCIDRs: [`${spec.podPrefix}.0/24`], providerID: `idp://${spec.name}`,
      ...(spec.taints === undefined || spec.taints.length === 0 ? {} : { taints: spec.taints.map((t) => ({ ...t })) }),
    },
    status: nodeStatus(spec, now),
  } as Node
}

/** The node's status as kubelet writes it; `since` keeps the transition times of an earlier status. */
export function nodeStatus(spec: PlacedNode, now: number, since?: Node['status']): NonNullable<Node['status']> {
  const at = rfc3339(now)
  const condition = (type: string, status: 'True' | 'False', reason: string, message: string) => {
    const before = since?.conditions?.find((c) => c.type === type && c.status === status)
    return { type, status, lastHeartbeatTime: at, lastTransitionTime: before?.lastTransitionTime ?? at, reason, message }
  }
  const capacity = capacityOf(spec)
  return {
    addresses: [{ type: 'InternalIP', address: spec.address }, { type: 'Hostname', address: spec.name }],
    capacity, allocatable: capacity,
    conditions: [
      condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
      condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
      condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
      condition('Ready', 'True', 'KubeletReady', 'the node agent of idp is posting ready status'),
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
    nodeInfo: {
      architecture: 'amd64', operatingSystem: 'linux', osImage: 'idp embedded engine', kernelVersion: `node-${process.versions.node}`,
      containerRuntimeVersion: 'idp://0.1.0', kubeletVersion, kubeProxyVersion: '', machineID: spec.name, systemUUID: spec.name, bootID: spec.name,
    },
  } as NonNullable<Node['status']>
}
