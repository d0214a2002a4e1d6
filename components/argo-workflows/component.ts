import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'argo-workflows',
  standsInFor: 'Argo Workflows 3.7',
  charts: [
    { repository: 'https://argoproj.github.io/argo-helm', name: 'argo-workflows' },
  ],
  programs: [
    { images: ['quay.io/argoproj/workflow-controller'], load: async () => (await import('./programs/workflow-controller.ts')).workflowController },
    { images: ['quay.io/argoproj/argocli'], load: async () => (await import('./programs/argo-server.ts')).argoServer },
    { images: ['quay.io/argoproj/argoexec'], load: async () => (await import('./programs/argoexec.ts')).argoexec },
    { images: ['docker.io/argoproj/argosay'], load: async () => (await import('./programs/argosay.ts')).argosay },
  ],
}
