import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'argocd',
  standsInFor: 'Argo CD 3.1',
  charts: [{ repository: 'https://argoproj.github.io/argo-helm', name: 'argo-cd' }],
  programs: [{ images: ['quay.io/argoproj/argocd'], load: async () => (await import('./programs/argocd.ts')).argocd }],
}
