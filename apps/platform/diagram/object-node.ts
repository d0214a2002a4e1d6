import type { AnyObject } from '@idp/formats'
import { refOf, titleOf, type Ref } from '../doctor/diagnosis.ts'
import { words } from '../doctor/field.ts'
import { judges } from '../doctor/judges/index.ts'
import type { World } from '../doctor/world.ts'
import type { GraphBuilder, GraphNode, Health } from './graph.ts'

/** The annotation on pods whose image is only simulated by the engine. */
export const isSimulated = (pod: AnyObject): boolean => pod.metadata.annotations?.['idp.dev/stand-in'] === 'simulated'

/** What the doctor thinks of the object; neutral for kinds that have no health. */
export function healthOf(object: AnyObject, world: World): Health {
  if (object.kind === 'Application') {
    const [sync, health] = [words(object, 'status', 'sync', 'status'), words(object, 'status', 'health', 'status')]
    return sync === 'Synced' && health === 'Healthy' ? 'healthy' : health === 'Progressing' ? 'progressing' : 'unhealthy'
  }
  const judge = judges[object.kind]
  if (judge === undefined || object.kind === 'ConfigMap') return 'neutral'
  return judge(object, world, refOf(object)) === undefined ? 'healthy' : words(object, 'status', 'phase') === 'Pending' ? 'progressing' : 'unhealthy'
}

export interface ObjectNode { readonly under?: string; readonly group?: string | undefined }

/** A box for an object that may be missing (then red): name above, kind below, its namespace as the group. */
export function objectNode(builder: GraphBuilder, world: World, ref: Ref, { under, group = ref.namespace }: ObjectNode = {}): string {
  const object = world.find(ref)
  const small = under ?? (object === undefined && world.reads(ref.kind) ? `${ref.kind}, missing` : ref.kind)
  const node: GraphNode = {
    id: titleOf(ref), label: `${ref.name}\n${small}`, health: object === undefined ? (world.reads(ref.kind) ? 'unhealthy' : 'neutral') : healthOf(object, world),
    ...(group === undefined ? {} : { group }), ...(object !== undefined && isSimulated(object) ? { simulated: true } : {}),
  }
  return builder.node(node)
}
