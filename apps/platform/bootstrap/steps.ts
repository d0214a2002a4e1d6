/** One step of the bootstrap: a folder of `IT/`, applied when the steps it names are done. */
export interface BootstrapStep {
  readonly name: string
  /** Names of earlier steps. */
  readonly after: readonly string[]
  /** What is done instead of, or besides, applying a folder. */
  readonly does?: 'seed-secrets' | 'prepare-vault' | 'push-repository'
  /** Folder of the repository, when there is one to apply. */
  readonly path?: string
}

/** The seeds' order: cluster and network, Vault, External Secrets, Argo CD, ApplicationSets. What does not wait for another runs beside it. */
export const bootstrapSteps: readonly BootstrapStep[] = [
  { name: 'namespaces', after: [], path: 'IT/namespaces' },
  { name: 'priority-classes', after: [], path: 'IT/priority-classes' },
  { name: 'crds', after: [], path: 'IT/crds' },
  { name: 'cilium', after: ['namespaces', 'priority-classes', 'crds'], path: 'IT/cilium' },
  { name: 'secrets', after: ['namespaces'], does: 'seed-secrets' },
  { name: 'cert-manager', after: ['cilium'], path: 'IT/cert-manager' },
  { name: 'vault', after: ['cilium', 'secrets'], path: 'IT/vault' },
  { name: 'vault-init', after: ['vault'], does: 'prepare-vault' },
  { name: 'external-secrets', after: ['vault-init', 'cert-manager'], path: 'IT/external-secrets' },
  { name: 'git', after: ['cilium', 'secrets'], path: 'IT/git' },
  { name: 'argocd', after: ['external-secrets', 'secrets'], path: 'IT/argocd' },
  { name: 'gateway', after: ['cert-manager', 'argocd', 'git'], path: 'IT/gateway' },
  { name: 'repository', after: ['gateway'], does: 'push-repository' },
  { name: 'root', after: ['repository', 'argocd'], path: 'IT/root' },
]
