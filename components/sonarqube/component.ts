import type { Component } from '@idp/sandbox'

export const component: Component = {
  name: 'sonarqube',
  standsInFor: 'SonarQube 2025 community build',
  charts: [
    { repository: 'https://SonarSource.github.io/helm-chart-sonarqube', name: 'sonarqube' },
  ],
  programs: [
    { images: ['docker.io/library/sonarqube'], load: async () => (await import('./programs/sonarqube.ts')).sonarqube },
  ],
}
