import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'node-agent',
  standsInFor: 'kubelet 1.35, containerd, kube-proxy and CoreDNS',
  nodes: { load: async () => (await import('./start-nodes.ts')).nodesProgram },
}
