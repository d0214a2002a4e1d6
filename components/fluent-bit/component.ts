import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'fluent-bit',
  standsInFor: 'Fluent Bit 4.1',
  charts: [
    { repository: 'https://fluent.github.io/helm-charts', name: 'fluent-bit' },
  ],
  programs: [{ images: ['cr.fluentbit.io/fluent/fluent-bit', 'docker.io/fluent/fluent-bit'], load: async () => (await import('./programs/fluent-bit.ts')).fluentBit }],
}
