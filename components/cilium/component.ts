import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'cilium',
  standsInFor: 'Cilium 1.18 (Gateway API, load balancer addresses)',
  charts: [{ repository: 'https://helm.cilium.io', name: 'cilium' }, { repository: 'https://helm.cilium.io/', name: 'cilium' }],
  programs: [
    { images: ['quay.io/cilium/operator-generic', 'quay.io/cilium/operator'], load: async () => (await import('./programs/operator.ts')).operator },
    { images: ['quay.io/cilium/cilium'], load: async () => (await import('./programs/agent.ts')).agent },
    { images: ['quay.io/cilium/cilium-envoy'], load: async () => (await import('./programs/envoy.ts')).envoy },
  ],
}
