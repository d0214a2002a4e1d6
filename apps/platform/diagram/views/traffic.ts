import { refOf, type Ref } from '../../doctor/diagnosis.ts'
import { objects, words } from '../../doctor/field.ts'
import { podsBehind, type World } from '../../doctor/world.ts'
import { GraphBuilder, type Graph } from '../graph.ts'
import { objectNode } from '../object-node.ts'

/** Where a request goes: Gateway → route → Service → pods. */
export function traffic(world: World): Graph {
  const builder = new GraphBuilder()
  for (const kind of ['HTTPRoute', 'GRPCRoute', 'TLSRoute']) {
    for (const route of world.list(kind)) {
      const host = (route as { spec?: { hostnames?: string[] } }).spec?.hostnames?.[0]
      const id = objectNode(builder, world, refOf(route), { under: host ?? kind })
      for (const parent of objects(route, 'spec', 'parentRefs')) {
        const gateway: Ref = { kind: words(parent, 'kind') || 'Gateway', namespace: words(parent, 'namespace') || route.metadata.namespace, name: words(parent, 'name') }
        builder.edge(objectNode(builder, world, gateway), id)
      }
      for (const rule of objects(route, 'spec', 'rules')) for (const backend of objects(rule, 'backendRefs')) addService(builder, world, id, { kind: 'Service', namespace: words(backend, 'namespace') || route.metadata.namespace, name: words(backend, 'name') }, words(backend, 'port'))
    }
  }
  for (const gateway of world.list('Gateway')) objectNode(builder, world, refOf(gateway))
  return builder.graph('Traffic: from the gateway to the pods')
}

function addService(builder: GraphBuilder, world: World, from: string, ref: Ref, port: string): void {
  const id = objectNode(builder, world, ref)
  builder.edge(from, id, port === '' ? undefined : `:${port}`)
  const service = world.find(ref)
  for (const pod of service === undefined ? [] : podsBehind(service, world)) builder.edge(id, objectNode(builder, world, refOf(pod)))
}
