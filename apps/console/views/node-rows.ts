import type { AnyObject } from '@idp/formats'
import { parseQuantity, quantityToNumber } from '@idp/formats'
import { healthOf, objects, oneLine, words, type Health, type World } from '@idp/platform'

export interface NodeRow { readonly name: string; readonly pool: string; readonly ready: boolean; readonly unschedulable: boolean; readonly pods: number; readonly most: string; readonly cpu: string; readonly memory: string; readonly version: string; readonly address: string }
export interface PodRow {
  readonly name: string; readonly namespace: string; readonly node: string; readonly phase: string; readonly ready: string; readonly restarts: number; readonly health: Health; readonly started: string
  readonly image: string; readonly address: string; readonly owner: string
  /** `simulated` or `program`: what runs in the image's place, as the pod's annotation says; empty for the image itself. */
  readonly standIn: string
  readonly says: string
}

export function nodeRows(world: World): ReadonlyMap<string, NodeRow> {
  const pods = Map.groupBy(world.list('Pod').filter((pod) => !['Succeeded', 'Failed'].includes(words(pod, 'status', 'phase'))), (pod) => words(pod, 'spec', 'nodeName'))
  return new Map(world.list('Node').map((node) => {
    const name = node.metadata.name ?? ''
    const own = pods.get(name) ?? []
    const share = (resource: string): string => {
      const asked = own.flatMap((pod) => objects(pod, 'spec', 'containers')).reduce((sum, container) => sum + quantity(words(container, 'resources', 'requests', resource)), 0)
      const have = quantity(words(node, 'status', 'allocatable', resource))
      return have === 0 ? '' : `${((asked / have) * 100).toFixed(asked / have < 0.0995 ? 1 : 0)} %`
    }
    return [name, {
      name, pool: poolOf(node), pods: own.length, most: words(node, 'status', 'allocatable', 'pods'), cpu: share('cpu'), memory: share('memory'),
      ready: objects(node, 'status', 'conditions').some((one) => one['type'] === 'Ready' && one['status'] === 'True'), unschedulable: words(node, 'spec', 'unschedulable') === 'true',
      version: words(node, 'status', 'nodeInfo', 'kubeletVersion'), address: words(objects(node, 'status', 'addresses').find((one) => one['type'] === 'InternalIP'), 'address'),
    }]
  }))
}

const quantity = (text: string): number => (text === '' ? 0 : quantityToNumber(parseQuantity(text)))

/** The pool of a node: the label that the seeds give it, or its role. */
function poolOf({ metadata: { labels = {} } }: AnyObject): string {
  return labels['node-role'] ?? ('node-role.kubernetes.io/control-plane' in labels ? 'control plane' : 'nodes')
}

export function podRows(world: World): ReadonlyMap<string, PodRow> {
  return new Map(world.list('Pod').map((pod) => {
    const { name = '', namespace = '', annotations = {}, ownerReferences = [] } = pod.metadata
    const states = objects(pod, 'status', 'containerStatuses')
    const waiting = states.find((one) => words(one, 'state', 'waiting', 'reason') !== '')
    const owner = ownerReferences.find((one) => one.controller === true)
    return [`${namespace}/${name}`, {
      name, namespace, node: words(pod, 'spec', 'nodeName'), phase: pod.metadata.deletionTimestamp === undefined ? words(pod, 'status', 'phase') : 'Terminating',
      ready: `${states.filter((one) => one['ready'] === true).length}/${objects(pod, 'spec', 'containers').length}`, restarts: states.reduce((sum, one) => sum + Number(one['restartCount'] ?? 0), 0), health: healthOf(pod, world),
      started: words(pod, 'status', 'startTime'), image: words(objects(pod, 'spec', 'containers')[0], 'image'), address: words(pod, 'status', 'podIP'), owner: owner === undefined ? '' : `${owner.kind} ${owner.name}`,
      standIn: annotations['idp.dev/stand-in'] ?? '', says: oneLine(waiting === undefined ? '' : `${words(waiting, 'state', 'waiting', 'reason')}: ${words(waiting, 'state', 'waiting', 'message')}`, 200),
    }]
  }))
}
