import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'git',
  standsInFor: 'a Git host inside the cluster',
  charts: [{ repository: 'https://charts.idp.dev', name: 'git-server' }],
  programs: [{ images: ['docker.io/idp/git-server'], load: async () => (await import('./programs/git-server.ts')).gitServer }],
}
