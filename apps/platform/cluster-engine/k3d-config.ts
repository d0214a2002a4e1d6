import { formatYaml } from '@idp/formats'
import type { NodeConfig } from '../config/config.ts'
import { gatewayNodePorts } from './locate-gateway.ts'

export interface K3dOptions {
  readonly name: string
  readonly nodes: readonly NodeConfig[]
  /** Ports of this machine that lead to the gateway. */
  readonly ports: { readonly https: number; readonly http: number }
}

/** The k3s that the charts are pinned for. */
const image = 'docker.io/rancher/k3s:v1.33.4-k3s1'

/**
 * The configuration file of `k3d cluster create` (k3d.io/v1alpha5, kind Simple) for the nodes of `idp.config.ts`:
 * without the network, ingress and policy controllers of k3s, since the platform brings its own.
 */
export function k3dConfig({ name, nodes, ports }: K3dOptions): string {
  const servers = nodes.filter(({ role }) => role === 'control-plane')
  const agents = nodes.filter(({ role }) => role === 'worker')
  const labels = [...servers.map((node, at) => [`server:${at}`, node] as const), ...agents.map((node, at) => [`agent:${at}`, node] as const)]
    .flatMap(([filter, node]) => Object.entries(node.labels).map(([key, value]) => ({ label: `${key}=${value}`, nodeFilters: [filter] })))
  // A cluster of servers alone must run the platform on them.
  const taint = agents.length === 0 ? [] : ['--node-taint=node-role.kubernetes.io/control-plane:NoSchedule']
  const onServers = ['--flannel-backend=none', '--disable=traefik', '--disable-network-policy', ...taint]
  return formatYaml({
    apiVersion: 'k3d.io/v1alpha5', kind: 'Simple', metadata: { name }, servers: Math.max(1, servers.length), agents: agents.length, image,
    kubeAPI: { hostIP: '127.0.0.1' },
    ports: [
      { port: `127.0.0.1:${ports.https}:${gatewayNodePorts.https}`, nodeFilters: ['server:0'] },
      { port: `127.0.0.1:${ports.http}:${gatewayNodePorts.http}`, nodeFilters: ['server:0'] },
    ],
    options: {
      k3d: { wait: true, timeout: '300s' },
      k3s: { extraArgs: onServers.map((arg) => ({ arg, nodeFilters: ['server:*'] })), nodeLabels: labels },
      kubeconfig: { updateDefaultKubeconfig: false, switchCurrentContext: false },
    },
  })
}
