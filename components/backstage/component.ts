import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'backstage',
  standsInFor: 'Backstage',
  charts: [
    { repository: 'https://backstage.github.io/charts', name: 'backstage' },
  ],
}
