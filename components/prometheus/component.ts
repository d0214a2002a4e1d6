import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'prometheus',
  standsInFor: 'Prometheus operator, Prometheus 3, Alertmanager, Grafana, kube-state-metrics and node-exporter (kube-prometheus-stack 77)',
  charts: [
    { repository: 'https://prometheus-community.github.io/helm-charts', name: 'kube-prometheus-stack' },
    { repository: 'https://prometheus-community.github.io/helm-charts', name: 'prometheus-operator-crds', directory: 'crds-chart' },
  ],
}
