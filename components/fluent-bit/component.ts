import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'fluent-bit',
  standsInFor: 'Fluent Bit 4.1',
  charts: [
    { repository: 'https://fluent.github.io/helm-charts', name: 'fluent-bit' },
  ],
}
