import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'external-secrets',
  standsInFor: 'External Secrets Operator 0.20',
  charts: [
    { repository: 'https://charts.external-secrets.io', name: 'external-secrets' },
  ],
  programs: [
    { images: ['ghcr.io/external-secrets/external-secrets', 'oci.external-secrets.io/external-secrets/external-secrets'], load: async () => (await import('./programs/external-secrets.ts')).externalSecrets },
  ],
}
