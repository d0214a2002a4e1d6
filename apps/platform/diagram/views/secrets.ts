import type { AnyObject } from '@idp/formats'
import { refOf, type Ref } from '../../doctor/diagnosis.ts'
import { objects, words } from '../../doctor/field.ts'
import { judges } from '../../doctor/judges/index.ts'
import { podsBehind, serviceIn, type World } from '../../doctor/world.ts'
import { GraphBuilder, type Graph } from '../graph.ts'
import { isSimulated, objectNode } from '../object-node.ts'

/** How a secret comes to a program: Vault → SecretStore → ExternalSecret → Secret → workload. Names only. */
export function secrets(world: World): Graph {
  const builder = new GraphBuilder()
  for (const store of [...world.list('SecretStore'), ...world.list('ClusterSecretStore')]) {
    const [provider = 'unknown'] = Object.keys((store as { spec?: { provider?: object } }).spec?.provider ?? {})
    builder.edge(providerNode(builder, world, provider, words(store, 'spec', 'provider', provider, 'server')), objectNode(builder, world, refOf(store)))
  }
  const users = usersOfSecrets(world)
  for (const external of world.list('ExternalSecret')) {
    const namespace = external.metadata.namespace
    const id = objectNode(builder, world, refOf(external))
    const kind = words(external, 'spec', 'secretStoreRef', 'kind') || 'SecretStore'
    builder.edge(objectNode(builder, world, { kind, name: words(external, 'spec', 'secretStoreRef', 'name'), ...(kind === 'ClusterSecretStore' ? {} : { namespace }) }), id)
    const secret: Ref = { kind: 'Secret', namespace, name: words(external, 'spec', 'target', 'name') || (external.metadata.name ?? '') }
    const target = objectNode(builder, world, secret)
    builder.edge(id, target)
    for (const user of users.get(`${namespace}/${secret.name}`) ?? []) builder.edge(target, objectNode(builder, world, user))
  }
  return builder.graph('Secrets: from the vault to the workloads')
}

function providerNode(builder: GraphBuilder, world: World, provider: string, server: string): string {
  const ref = serviceIn(server)
  if (ref === undefined) return builder.node({ id: `Provider ${provider} ${server}`, label: `${server || provider}\n${provider}`, health: 'neutral' })
  const service = world.find(ref)
  const simulated = service !== undefined && podsBehind(service, world).some(isSimulated)
  const sick = judges['Vault']?.(undefined, world, { ...ref, kind: 'Vault' }) !== undefined
  return builder.node({ id: `Vault ${ref.namespace}/${ref.name}`, label: `${ref.name}\n${provider}${sick ? ', not serving' : ''}`, health: service === undefined || sick ? 'unhealthy' : 'healthy', ...(ref.namespace === undefined ? {} : { group: ref.namespace }), ...(simulated ? { simulated } : {}) })
}

/** By `namespace/secret`: the workloads whose pod template mounts or reads it. */
function usersOfSecrets(world: World): ReadonlyMap<string, readonly Ref[]> {
  const users = new Map<string, Ref[]>()
  for (const workload of ['Deployment', 'StatefulSet', 'DaemonSet'].flatMap((kind) => world.list(kind))) {
    for (const name of new Set(secretsOf(workload))) users.set(`${workload.metadata.namespace}/${name}`, [...(users.get(`${workload.metadata.namespace}/${name}`) ?? []), refOf(workload)])
  }
  return users
}

function secretsOf(workload: AnyObject): readonly string[] {
  const spec = (field: string) => objects(workload, 'spec', 'template', 'spec', field)
  const containers = [...spec('initContainers'), ...spec('containers')]
  const volumes = spec('volumes').flatMap((volume) => [words(volume, 'secret', 'secretName'), ...objects(volume, 'projected', 'sources').map((source) => words(source, 'secret', 'name'))])
  const variables = containers.flatMap((c) => [...objects(c, 'env').map((v) => words(v, 'valueFrom', 'secretKeyRef', 'name')), ...objects(c, 'envFrom').map((e) => words(e, 'secretRef', 'name'))])
  return [...volumes, ...variables].filter((name) => name !== '')
}
