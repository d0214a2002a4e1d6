import type { World } from '../../doctor/world.ts'
import { GraphBuilder, type Graph } from '../graph.ts'

const kinds = ['ApplicationSet', 'Application', 'Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job', 'Pod', 'Service', 'EndpointSlice', 'PersistentVolumeClaim', 'Node', 'SecretStore', 'ClusterSecretStore', 'ExternalSecret', 'Secret', 'ClusterIssuer', 'Issuer', 'Certificate', 'CertificateRequest', 'Gateway', 'HTTPRoute', 'ClusterPolicy']

/** Every control loop that has written an object that is there now, and the kinds it writes: read from the objects' managed fields. */
export function controlLoops(world: World): Graph {
  const builder = new GraphBuilder()
  for (const kind of kinds) {
    const writers = new Map<string, number>()
    for (const object of world.list(kind)) for (const manager of new Set((object.metadata.managedFields ?? []).map((entry) => entry.manager ?? ''))) writers.set(manager, (writers.get(manager) ?? 0) + 1)
    for (const [manager, count] of writers) {
      if (manager === '') continue
      const from = builder.node({ id: `loop ${manager}`, label: `${manager}\nwrites`, health: 'neutral', group: 'loops' })
      builder.edge(from, builder.node({ id: `kind ${kind}`, label: `${kind}\n${world.list(kind).length} objects`, health: 'healthy', group: 'Kubernetes API' }), String(count))
    }
  }
  return builder.graph('Control loops: who writes what')
}
