import type { AnyObject } from '@idp/formats'
import { CodedError } from '@idp/kit'
import { refOf, titleOf, type Ref } from '../../doctor/diagnosis.ts'
import { objects, words } from '../../doctor/field.ts'
import { judges } from '../../doctor/judges/index.ts'
import type { World } from '../../doctor/world.ts'
import { GraphBuilder, type Graph, type Health } from '../graph.ts'
import { objectNode } from '../object-node.ts'

const healths: Readonly<Record<string, Health>> = { Healthy: 'healthy', Progressing: 'progressing', Degraded: 'unhealthy', Missing: 'unhealthy' }

/** One Application, the objects Git gives it, and what their controllers made of these. Throws CodedError `NoSuchApplication`. */
export function resourceTree(world: World, name: string): Graph {
  const app = world.list('Application').find((candidate) => candidate.metadata.name === name)
  if (app === undefined) throw new CodedError({ code: 'NoSuchApplication', message: `there is no Application '${name}'`, remedy: `There are ${world.list('Application').map((a) => a.metadata.name).toSorted().join(', ') || 'none'}` })
  const builder = new GraphBuilder()
  const root = objectNode(builder, world, refOf(app), { group: undefined })
  const children = childrenByOwner(world)
  const descend = (ref: Ref, from: string): void => {
    for (const child of children.get(titleOf(ref)) ?? []) {
      const known = builder.has(titleOf(refOf(child)))
      const id = objectNode(builder, world, refOf(child))
      builder.edge(from, id)
      if (!known) descend(refOf(child), id)
    }
  }
  for (const resource of objects(app, 'status', 'resources')) {
    const namespace = words(resource, 'namespace')
    const ref: Ref = { kind: words(resource, 'kind'), name: words(resource, 'name'), ...(namespace === '' ? {} : { namespace }) }
    const health = healths[words(resource, 'health', 'status')] ?? 'neutral'
    const different = words(resource, 'status') === 'OutOfSync' ? ', OutOfSync' : ''
    const id = world.find(ref) !== undefined && judges[ref.kind] !== undefined && different === '' ? objectNode(builder, world, ref) : builder.node({ id: titleOf(ref), label: `${ref.name}\n${ref.kind}${different}`, health, ...(namespace === '' ? {} : { group: namespace }) })
    builder.edge(root, id)
    descend(ref, id)
  }
  return builder.graph(`Application ${name}`)
}

function childrenByOwner(world: World): ReadonlyMap<string, readonly AnyObject[]> {
  const children = new Map<string, AnyObject[]>()
  for (const kind of [...Object.keys(judges), 'ReplicaSet']) {
    for (const object of kind === 'Application' ? [] : world.list(kind)) {
      // An old ReplicaSet that holds no pod any more is history.
      if (kind === 'ReplicaSet' && words(object, 'spec', 'replicas') === '0') continue
      for (const owner of object.metadata.ownerReferences ?? []) {
        const key = titleOf({ kind: owner.kind, name: owner.name, namespace: object.metadata.namespace })
        children.set(key, [...(children.get(key) ?? []), object])
      }
    }
  }
  return children
}
