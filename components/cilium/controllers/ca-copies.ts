export const configMapNameLabel = 'secretsync.cilium.io/owning-configmap-name'
export const configMapNamespaceLabel = 'secretsync.cilium.io/owning-configmap-namespace'

/** Name of the Secret that a ConfigMap with CA certificates is copied to. */
export const caCopyName = (namespace: string, name: string): string => `${namespace}-cfgmap-${name}`
