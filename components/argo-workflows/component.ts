import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'argo-workflows',
  standsInFor: 'Argo Workflows 3.7',
  charts: [
    { repository: 'https://argoproj.github.io/argo-helm', name: 'argo-workflows' },
  ],
}
