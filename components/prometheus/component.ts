import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'prometheus',
  standsInFor: 'Prometheus operator, Prometheus 3, Alertmanager, Grafana, kube-state-metrics and node-exporter (kube-prometheus-stack 77)',
  charts: [
    { repository: 'https://prometheus-community.github.io/helm-charts', name: 'kube-prometheus-stack' },
    { repository: 'https://prometheus-community.github.io/helm-charts', name: 'prometheus-operator-crds', directory: 'crds-chart' },
  ],
  programs: [
    { images: ['quay.io/prometheus/prometheus', 'docker.io/prom/prometheus'], load: async () => (await import('./programs/prometheus.ts')).prometheus },
    { images: ['quay.io/prometheus/alertmanager', 'docker.io/prom/alertmanager'], load: async () => (await import('./programs/alertmanager.ts')).alertmanager },
    { images: ['quay.io/prometheus-operator/prometheus-operator'], load: async () => (await import('./programs/operator.ts')).operator },
    { images: ['quay.io/prometheus-operator/prometheus-config-reloader'], load: async () => (await import('./programs/config-reloader.ts')).configReloader },
    { images: ['docker.io/grafana/grafana', 'grafana/grafana'], load: async () => (await import('./programs/grafana.ts')).grafana },
    { images: ['quay.io/prometheus/node-exporter', 'docker.io/prom/node-exporter'], load: async () => (await import('./programs/node-exporter.ts')).nodeExporter },
    { images: ['registry.k8s.io/kube-state-metrics/kube-state-metrics'], load: async () => (await import('./programs/kube-state-metrics.ts')).kubeStateMetrics },
  ],
}
