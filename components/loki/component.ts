import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'loki',
  standsInFor: 'Grafana Loki 3.5 (single binary)',
  charts: [
    { repository: 'https://grafana.github.io/helm-charts', name: 'loki' },
  ],
  programs: [{ images: ['docker.io/grafana/loki', 'grafana/loki'], load: async () => (await import('./programs/loki.ts')).loki }],
}
