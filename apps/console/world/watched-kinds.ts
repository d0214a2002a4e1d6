import { judges } from '@idp/platform'
import type { Kind } from '@idp/api'

/** Kinds that the views show or read, and that the doctor has no judge for. */
const shown = [
  'ReplicaSet', 'EndpointSlice', 'Event', 'StorageClass', 'Bundle', 'ResourceQuota', 'CronJob', 'PolicyReport', 'ClusterPolicyReport',
  'VulnerabilityReport', 'Workflow', 'AppProject', 'PushSecret', 'Policy', 'CiliumNetworkPolicy', 'NetworkPolicy',
]
/** Other groups have kinds of the same names (`Event` twice, `Gateway` of a mesh). */
const groups = new Set([
  '', 'apps', 'batch', 'discovery.k8s.io', 'storage.k8s.io', 'networking.k8s.io', 'admissionregistration.k8s.io', 'apiregistration.k8s.io', 'apiextensions.k8s.io', 'argoproj.io', 'external-secrets.io',
  'cert-manager.io', 'acme.cert-manager.io', 'trust.cert-manager.io', 'gateway.networking.k8s.io', 'kyverno.io', 'wgpolicyk8s.io', 'aquasecurity.github.io', 'cilium.io',
])

const wanted: ReadonlySet<string> = new Set([...Object.keys(judges), ...shown])

/** True for a kind that the console keeps a live view of. */
export function isWatched({ kind, group }: Pick<Kind, 'kind' | 'group'>): boolean {
  return wanted.has(kind) && groups.has(group)
}
