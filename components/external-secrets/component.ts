import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'external-secrets',
  standsInFor: 'External Secrets Operator 0.20',
  charts: [
    { repository: 'https://charts.external-secrets.io', name: 'external-secrets' },
  ],
}
