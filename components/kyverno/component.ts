import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'kyverno',
  standsInFor: 'Kyverno 1.15',
  charts: [
    { repository: 'https://kyverno.github.io/kyverno', name: 'kyverno' },
  ],
}
