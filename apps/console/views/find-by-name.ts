import type { Ref, World } from '@idp/platform'

/** Kinds that a person looks for by name, the likeliest first. */
const kinds = [
  'Application', 'ApplicationSet', 'Deployment', 'StatefulSet', 'DaemonSet', 'Pod', 'Service', 'HTTPRoute', 'Gateway', 'Node', 'Namespace', 'ExternalSecret', 'SecretStore', 'ClusterSecretStore', 'Secret', 'ConfigMap', 'Certificate', 'ClusterIssuer',
  'ClusterPolicy', 'Job', 'CronJob', 'Workflow', 'VulnerabilityReport', 'PersistentVolumeClaim', 'CustomResourceDefinition', 'ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration', 'APIService',
]
const most = 30

/** Objects whose kind and name contain every word that was typed; the shortest name of the likeliest kind first. */
export function findByName(world: World, text: string): readonly Ref[] {
  const wanted = text.toLowerCase().split(/\s+/).filter((word) => word !== '')
  if (wanted.length === 0) return []
  return kinds.flatMap((kind, rank) => world.list(kind).map(({ metadata: { name = '', namespace } }) => ({ ref: { kind, name, ...(namespace === undefined ? {} : { namespace }) }, rank, text: `${kind} ${namespace ?? ''}/${name}`.toLowerCase() })))
    .filter((row) => wanted.every((word) => row.text.includes(word)))
    .toSorted((a, b) => Number(b.ref.kind === kinds[0]) - Number(a.ref.kind === kinds[0]) || starts(b.ref, wanted) - starts(a.ref, wanted) || a.rank - b.rank || a.ref.name.length - b.ref.name.length).slice(0, most).map(({ ref }) => ref)
}

const starts = ({ name }: Ref, [first = '']: readonly string[]): number => (name.startsWith(first) ? 1 : 0)
