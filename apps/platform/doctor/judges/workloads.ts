import type { AnyObject } from '@idp/formats'
import { readiness } from '../../bootstrap/readiness.ts'
import { refOf, type Judge, type Leaf, type Ref } from '../diagnosis.ts'
import { condition, count, oneLine, told, words } from '../field.ts'
import { refusal } from '../refusal.ts'
import type { World } from '../world.ts'

const ownedBy = (world: World, kind: string, owner: AnyObject): readonly AnyObject[] =>
  world.list(kind).filter((object) => object.metadata.namespace === owner.metadata.namespace && (object.metadata.ownerReferences ?? []).some((o) => o.controller === true && o.kind === owner.kind && o.name === owner.metadata.name))

/** Pods that a controller could not make, as its condition or its events tell. */
function notMade(owner: AnyObject, world: World): readonly (Ref | Leaf)[] {
  const failure = condition(owner, 'ReplicaFailure')
  const message = failure?.status === 'True' ? failure.message : world.warnings(refOf(owner), 'FailedCreate')[0]
  if (message === undefined || message === '') return []
  const known = refusal(message, world)
  return known.length > 0 ? known : [{ subject: 'a pod', says: `cannot be made: ${oneLine(message)}`, remedy: 'Correct the pod template' }]
}

/** Deployment, StatefulSet, DaemonSet: the pods that lack, or why there are none. */
export const workload: Judge = (object, world) => {
  if (object === undefined || count(object, 1, 'spec', 'replicas') === 0) return undefined
  const lacks = readiness(object)
  if (lacks === undefined) return undefined
  const sets = ownedBy(world, 'ReplicaSet', object)
  const pods = [object, ...sets].flatMap((owner) => ownedBy(world, 'Pod', owner))
  const refusals = pods.length < count(object, 1, 'spec', 'replicas') || object.kind === 'DaemonSet' ? [object, ...sets].flatMap((owner) => notMade(owner, world)) : []
  const late = condition(object, 'Progressing')
  const controller: Ref = { kind: 'Deployment', namespace: 'kube-system', name: 'kube-controller-manager' }
  return { says: `is not available: ${lacks}${late?.reason === 'ProgressDeadlineExceeded' ? ` (${told(late)})` : ''}`, because: [...pods.map(refOf), ...refusals, controller], remedy: pods.length === 0 ? 'It has no pods and no event says why: see that the controllers of the cluster run' : 'Its pods have not all become ready yet: wait, or see their logs' }
}

/** A Job that failed for good, or whose pods do not get on. */
export const job: Judge = (object, world) => {
  if (object === undefined || condition(object, 'Complete')?.status === 'True' || words(object, 'spec', 'suspend') === 'true') return undefined
  const failed = condition(object, 'Failed')
  const pods = ownedBy(world, 'Pod', object).map(refOf)
  if (failed?.status === 'True') return { says: `failed: ${told(failed)}`, because: pods, remedy: `Read its log (idp logs ${object.metadata.namespace}/${object.metadata.name}), correct the cause, then delete the Job so that it is made again` }
  const because = [...pods, ...notMade(object, world)]
  const stuck = pods.length === 0 && because.length > 0 ? 'has no pod' : 'does not finish'
  return because.length === 0 || !pods.every((ref) => words(world.find(ref), 'status', 'phase') === 'Pending' || words(world.find(ref), 'status', 'phase') === 'Failed') ? undefined : { says: stuck, because, remedy: 'See the log of its pod' }
}
