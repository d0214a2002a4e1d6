import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'policy-reporter',
  standsInFor: 'Policy Reporter 3.5',
  charts: [{ repository: 'https://kyverno.github.io/policy-reporter', name: 'policy-reporter' }],
  programs: [
    { images: ['ghcr.io/kyverno/policy-reporter'], load: async () => (await import('./programs/policy-reporter.ts')).policyReporter },
    { images: ['ghcr.io/kyverno/policy-reporter-ui'], load: async () => (await import('./programs/policy-reporter-ui.ts')).policyReporterUi },
  ],
}
