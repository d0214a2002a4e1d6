import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'kube-controllers',
  standsInFor: 'kube-controller-manager 1.36',
  controlPlane: [{ name: 'kube-controller-manager', load: async () => (await import('./programs/kube-controller-manager.ts')).kubeControllerManager }],
}
