import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'trivy',
  standsInFor: 'Trivy operator 0.29',
  charts: [
    { repository: 'https://aquasecurity.github.io/helm-charts', name: 'trivy-operator' },
  ],
}
