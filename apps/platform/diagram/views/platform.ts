import type { AnyObject } from '@idp/formats'
import { objects, words } from '../../doctor/field.ts'
import { withoutCredentials } from '../../doctor/refusal.ts'
import type { World } from '../../doctor/world.ts'
import { GraphBuilder, type Graph } from '../graph.ts'
import { healthOf, isSimulated } from '../object-node.ts'

/** Git, the ApplicationSets (one a stack), their Applications with sync and health, and the namespaces they fill. */
export function platform(world: World): Graph {
  const builder = new GraphBuilder()
  for (const set of world.list('ApplicationSet')) {
    const name = set.metadata.name ?? ''
    const id = builder.node({ id: `ApplicationSet ${name}`, label: `${name}\nApplicationSet`, health: healthOf(set, world), group: name })
    for (const generator of objects(set, 'spec', 'generators')) repository(builder, words(generator, 'git', 'repoURL'), id)
  }
  for (const app of world.list('Application')) addApplication(builder, app, world)
  return builder.graph('The platform: what Git makes of the cluster')
}

function addApplication(builder: GraphBuilder, app: AnyObject, world: World): void {
  const name = app.metadata.name ?? ''
  const set = app.metadata.ownerReferences?.find((owner) => owner.kind === 'ApplicationSet')?.name
  const pods = objects(app, 'status', 'resources').flatMap((resource) => world.list('Pod').filter((pod) => pod.metadata.namespace === words(resource, 'namespace') && runsFor(pod, words(resource, 'kind'), words(resource, 'name'), world)))
  const simulated = pods.length > 0 && pods.every(isSimulated)
  const partly = !simulated && pods.some(isSimulated) ? ', partly simulated' : ''
  const id = builder.node({ id: `Application ${name}`, label: `${name}\n${words(app, 'status', 'sync', 'status') || 'Unknown'}, ${words(app, 'status', 'health', 'status') || 'Unknown'}${partly}`, health: healthOf(app, world), ...(set === undefined ? {} : { group: set }), ...(simulated ? { simulated } : {}) })
  if (set === undefined) repository(builder, words(app, 'spec', 'source', 'repoURL'), id)
  else builder.edge(`ApplicationSet ${set}`, id)
  const namespaces = new Set(objects(app, 'status', 'resources').filter((r) => ['Deployment', 'StatefulSet', 'DaemonSet'].includes(words(r, 'kind'))).map((r) => words(r, 'namespace')))
  for (const namespace of namespaces) builder.edge(id, builder.node({ id: `Namespace ${namespace}`, label: `${namespace}\nNamespace`, health: 'neutral' }))
}

/** True when the pod belongs to the workload, directly or through a ReplicaSet. */
function runsFor(pod: AnyObject, kind: string, name: string, world: World): boolean {
  const owner = pod.metadata.ownerReferences?.find((o) => o.controller === true)
  if (owner === undefined) return kind === 'Pod' && pod.metadata.name === name
  if (owner.kind === kind && owner.name === name) return true
  const set = owner.kind === 'ReplicaSet' ? world.find({ kind: 'ReplicaSet', namespace: pod.metadata.namespace, name: owner.name }) : undefined
  return set?.metadata.ownerReferences?.some((o) => o.kind === kind && o.name === name) === true
}

function repository(builder: GraphBuilder, url: string, to: string): void {
  if (url === '') return
  const clean = withoutCredentials(url)
  builder.edge(builder.node({ id: `Git ${clean}`, label: `${clean.split('/').at(-1)}\nGit`, health: 'neutral' }), to)
}

