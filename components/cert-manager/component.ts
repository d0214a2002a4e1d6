import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'cert-manager',
  standsInFor: 'cert-manager v1.19, trust-manager v0.20',
  charts: [
    { repository: 'https://charts.jetstack.io', name: 'cert-manager' }, { repository: 'oci://quay.io/jetstack/charts', name: 'cert-manager' },
    { repository: 'https://charts.jetstack.io', name: 'trust-manager', directory: 'trust-manager-chart' }, { repository: 'oci://quay.io/jetstack/charts', name: 'trust-manager', directory: 'trust-manager-chart' },
  ],
  programs: [
    { images: ['quay.io/jetstack/cert-manager-controller'], load: async () => (await import('./programs/controller.ts')).controller },
    { images: ['quay.io/jetstack/cert-manager-webhook'], load: async () => (await import('./programs/webhook.ts')).webhook },
    { images: ['quay.io/jetstack/cert-manager-cainjector'], load: async () => (await import('./programs/cainjector.ts')).cainjector },
    { images: ['quay.io/jetstack/cert-manager-startupapicheck'], load: async () => (await import('./programs/startup-check.ts')).startupCheck },
    { images: ['quay.io/jetstack/cert-manager-acmesolver'], load: async () => (await import('./programs/acmesolver.ts')).acmesolver },
    { images: ['quay.io/jetstack/trust-manager'], load: async () => (await import('./programs/trust-manager.ts')).trustManager },
  ],
}
