import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'cilium',
  standsInFor: 'Cilium 1.18 (Gateway API, network policies, Hubble, load balancer addresses)',
  charts: [{ repository: 'https://helm.cilium.io', name: 'cilium' }, { repository: 'https://helm.cilium.io/', name: 'cilium' }],
  programs: [
    { images: ['quay.io/cilium/operator-generic', 'quay.io/cilium/operator'], load: async () => (await import('./programs/operator.ts')).operator },
    { images: ['quay.io/cilium/cilium'], load: async () => (await import('./programs/agent.ts')).agent },
    { images: ['quay.io/cilium/hubble-relay'], load: async () => (await import('./programs/hubble-relay.ts')).hubbleRelay },
    { images: ['quay.io/cilium/hubble-ui-backend'], load: async () => (await import('./programs/hubble-ui.ts')).hubbleUiBackend },
    { images: ['quay.io/cilium/hubble-ui'], load: async () => (await import('./programs/hubble-ui.ts')).hubbleUi },
    { images: ['quay.io/cilium/cilium-envoy'], load: async () => (await import('./programs/envoy.ts')).envoy },
  ],
}
