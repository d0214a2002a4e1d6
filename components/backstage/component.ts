import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'backstage',
  standsInFor: 'Backstage 1.43',
  charts: [
    { repository: 'https://backstage.github.io/charts', name: 'backstage' },
  ],
  programs: [
    { images: ['ghcr.io/backstage/backstage'], load: async () => (await import('./programs/backstage.ts')).backstage },
  ],
}
