import type { NodeSpec } from '@idp/sandbox'

/** Addresses of a cluster, the same for every cluster: nothing of them is visible outside the process. */
export const clusterDomain = 'cluster.local'
export const apiClusterIp = '10.43.0.1'
export const apiInsidePort = 6_443

export type PlacedNode = NodeSpec & { readonly address: string; readonly podPrefix: string }

/** Gives each node its address (172.25.0.x) and its pods' network (10.42.<n>.0/24). One control-plane node when none is asked for. */
export function placeNodes(clusterName: string, nodes: readonly NodeSpec[] | undefined): readonly [PlacedNode, ...PlacedNode[]] {
  const wanted: readonly NodeSpec[] = nodes === undefined || nodes.length === 0 ? [{ name: `${clusterName}-server-0`, controlPlane: true }] : nodes
  return wanted.map((node, i): PlacedNode => ({ ...node, address: `172.25.0.${i + 2}`, podPrefix: `10.42.${i}` })) as [PlacedNode, ...PlacedNode[]]
}

/** The address at which the API server is reached inside the cluster. */
export function apiAddressOf(nodes: readonly [PlacedNode, ...PlacedNode[]]): string {
  return (nodes.find((n) => n.controlPlane === true) ?? nodes[0]).address
}

/** Every name under which clients reach the API server; they are in its certificate. */
export function apiNames(address: string): string[] {
  return ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${clusterDomain}`, 'localhost', '127.0.0.1', apiClusterIp, address]
}
