import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'kube-scheduler',
  standsInFor: 'kube-scheduler 1.36',
  controlPlane: [{ name: 'kube-scheduler', load: async () => (await import('./programs/kube-scheduler.ts')).kubeScheduler }],
}
