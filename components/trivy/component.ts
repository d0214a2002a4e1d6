import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'trivy',
  standsInFor: 'Trivy operator 0.29',
  charts: [
    { repository: 'https://aquasecurity.github.io/helm-charts', name: 'trivy-operator' },
  ],
  programs: [
    { images: ['mirror.gcr.io/aquasec/trivy-operator', 'ghcr.io/aquasecurity/trivy-operator', 'docker.io/aquasec/trivy-operator'], load: async () => (await import('./programs/trivy-operator.ts')).trivyOperator },
  ],
}
