/** Security labels of an identity: `k8s:app` or `reserved:host` -> value. */
export type SecurityLabels = ReadonlyMap<string, string>

export const namespaceKey = 'io.kubernetes.pod.namespace'
export const namespaceLabelsPrefix = 'io.cilium.k8s.namespace.labels.'
const clusterKey = 'io.cilium.k8s.policy.cluster'
const serviceAccountKey = 'io.cilium.k8s.policy.serviceaccount'

/** Pod labels that do not become part of an identity: they change with every rollout or belong to Kubernetes (upstream's default filter). */
const irrelevant = [
  /^io\.kubernetes/, /^kubernetes\.io/, /^.*beta\.kubernetes\.io/, /^k8s\.io/, /^pod-template-generation/, /^pod-template-hash/, /^controller-revision-hash/,
  /^annotation/, /^controller-uid/, /^etcd_node/, /^statefulset\.kubernetes\.io\/pod-name/, /^apps\.kubernetes\.io\/pod-index/, /^batch\.kubernetes\.io\//,
]

export interface PodFacts {
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
  readonly namespaceLabels: Readonly<Record<string, string>>
  readonly serviceAccount: string
  readonly cluster: string
}

/** The security labels of a pod. */
export function podLabels({ namespace, labels, namespaceLabels, serviceAccount, cluster }: PodFacts): SecurityLabels {
  const found = new Map<string, string>()
  for (const [key, value] of Object.entries(labels)) if (!irrelevant.some((pattern) => pattern.test(key))) found.set(`k8s:${key}`, value)
  for (const [key, value] of Object.entries(namespaceLabels)) found.set(`k8s:${namespaceLabelsPrefix}${key}`, value)
  found.set(`k8s:${clusterKey}`, cluster)
  found.set(`k8s:${serviceAccountKey}`, serviceAccount)
  found.set(`k8s:${namespaceKey}`, namespace)
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** `k8s:app=web`, as records and objects show labels; reserved ones have no value. */
export function labelStrings(labels: SecurityLabels): string[] {
  return [...labels].map(([key, value]) => (value === '' && key.startsWith('reserved:') ? key : `${key}=${value}`))
}

/** The key of the label that carries the name of a pod's cluster. */
export const clusterLabel = `k8s:${clusterKey}`
