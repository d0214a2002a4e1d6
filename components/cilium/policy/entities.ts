import type { Matches } from './label-selector.ts'
import { clusterLabel } from './labels.ts'

const reserved = ['world', 'host', 'init', 'ingress', 'unmanaged', 'remote-node', 'health', 'none', 'kube-apiserver'] as const
/** Of `cluster`, beside the pods that carry its name. */
const ofCluster = ['host', 'remote-node', 'init', 'ingress', 'health', 'unmanaged', 'kube-apiserver']

export function isEntity(name: string): boolean {
  return name === 'all' || name === 'cluster' || name === 'world-ipv4' || name === 'world-ipv6' || (reserved as readonly string[]).includes(name)
}

/** What an entity of fromEntities or toEntities selects. */
export function entityPeers(entity: string, cluster: string): Matches {
  if (entity === 'all') return () => true
  if (entity === 'cluster') return (labels) => labels.get(clusterLabel) === cluster || ofCluster.some((name) => labels.has(`reserved:${name}`))
  return (labels) => labels.has(`reserved:${entity}`)
}
