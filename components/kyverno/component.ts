import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'kyverno',
  standsInFor: 'Kyverno 1.15',
  charts: [{ repository: 'https://kyverno.github.io/kyverno', name: 'kyverno' }],
  programs: [
    { images: ['reg.kyverno.io/kyverno/kyverno', 'ghcr.io/kyverno/kyverno'], load: async () => ({ images: ['reg.kyverno.io/kyverno/kyverno'], main: (await import('./programs/admission-controller.ts')).admissionController }) },
    { images: ['reg.kyverno.io/kyverno/background-controller', 'ghcr.io/kyverno/background-controller'], load: async () => ({ images: ['reg.kyverno.io/kyverno/background-controller'], main: (await import('./programs/background-controller.ts')).backgroundController }) },
    { images: ['reg.kyverno.io/kyverno/cleanup-controller', 'ghcr.io/kyverno/cleanup-controller'], load: async () => ({ images: ['reg.kyverno.io/kyverno/cleanup-controller'], main: (await import('./programs/cleanup-controller.ts')).cleanupController }) },
    { images: ['reg.kyverno.io/kyverno/reports-controller', 'ghcr.io/kyverno/reports-controller'], load: async () => ({ images: ['reg.kyverno.io/kyverno/reports-controller'], main: (await import('./programs/reports-controller.ts')).reportsController }) },
  ],
}
