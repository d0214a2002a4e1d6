import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'argo-events',
  standsInFor: 'Argo Events 1.9',
  charts: [
    { repository: 'https://argoproj.github.io/argo-helm', name: 'argo-events' },
  ],
  programs: [
    { images: ['quay.io/argoproj/argo-events'], load: async () => (await import('./programs/argo-events.ts')).argoEvents },
  ],
}
