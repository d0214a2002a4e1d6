/** The system that a namespace belongs to, in the seeds' words. */
const systems: Readonly<Record<string, string>> = {
  'argocd': 'Argo CD', 'kyverno-system': 'Kyverno', 'external-secrets-system': 'External Secrets', 'vault-system': 'Vault', 'cert-manager': 'cert-manager', 'kube-system': 'Cluster', 'git-system': 'Git',
  'observability': 'Observability', 'cicd': 'CI/CD', 'security': 'Security', 'backstage': 'Backstage', 'argo-events': 'Events',
}
const byKind: Readonly<Record<string, string>> = {
  Application: 'Argo CD', ApplicationSet: 'Argo CD', ExternalSecret: 'External Secrets', SecretStore: 'External Secrets', ClusterSecretStore: 'External Secrets', Certificate: 'cert-manager', CertificateRequest: 'cert-manager',
  ClusterPolicy: 'Kyverno', Policy: 'Kyverno', PolicyReport: 'Kyverno', ClusterPolicyReport: 'Kyverno', VulnerabilityReport: 'Security', Node: 'Cluster', Gateway: 'Gateway', HTTPRoute: 'Gateway', Workflow: 'CI/CD',
}

export const systemOf = (kind: string, namespace: string | undefined): string => byKind[kind] ?? systems[namespace ?? ''] ?? (namespace === undefined || namespace === '' ? 'Cluster' : namespace)
