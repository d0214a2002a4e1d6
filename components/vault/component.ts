import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'vault',
  standsInFor: 'HashiCorp Vault 1.20',
  charts: [
    { repository: 'https://helm.releases.hashicorp.com', name: 'vault' },
  ],
  programs: [{ images: ['docker.io/hashicorp/vault', 'hashicorp/vault'], load: async () => (await import('./programs/vault.ts')).vault }],
}
