import { PersistentVolumeClaim, Pod, StorageClass } from '@idp/api'
import { CodedError } from '@idp/kit'
import { claimNames, isBound } from './engine/filters/volume-binding.ts'
import type { Scheduler } from './scheduler.ts'

const selectedNode = 'volume.kubernetes.io/selected-node'
const bindTimeoutMs = 600_000

/** Waits until the pod's volumes are bound for its node, then gives the pod to it. */
export async function bindPod(scheduler: Scheduler, pod: Pod, node: string): Promise<void> {
  const { scope } = scheduler
  const { name = '', namespace = '', uid = '' } = pod.metadata
  await bindVolumes(scheduler, pod, node)
  const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace, uid }, target: { apiVersion: 'v1', kind: 'Node', name: node } }
  // A binding is created below the pod: the client needs the pod's kind for the address.
  await scope.client.create(Pod, binding as unknown as Pod, { namespace, subresource: 'binding' })
  scope.event(pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${node}`)
}

async function bindVolumes({ scope, state }: Scheduler, pod: Pod, node: string): Promise<void> {
  const { namespace = '' } = pod.metadata
  const claims = scope.cache(PersistentVolumeClaim)
  const unbound = claimNames(pod).filter((name) => {
    const claim = claims.get(name, namespace)
    return claim !== undefined && !isBound(claim)
  })
  if (unbound.length === 0) return
  for (const name of unbound) {
    const claim = claims.get(name, namespace)
    if (waitsForConsumer({ scope }, claim) && claim?.metadata.annotations?.[selectedNode] !== node) {
      await scope.client.patch(PersistentVolumeClaim, name, { metadata: { annotations: { [selectedNode]: node } } }, { namespace, type: 'merge' })
    }
  }
  await volumesBound({ scope, state }, pod, unbound, node)
}

/** Resolves when all claims are bound; rejects when the pod goes away, the provisioner refuses the node, or it takes too long. */
async function volumesBound({ scope, state }: Pick<Scheduler, 'scope' | 'state'>, pod: Pod, unbound: readonly string[], node: string): Promise<void> {
  const { name = '', namespace = '', uid = '' } = pod.metadata
  const claims = scope.cache(PersistentVolumeClaim)
  const bound = Promise.withResolvers<void>()
  const look = () => {
    if (!state.isAssumed(uid)) return bound.reject(new Error('the pod went away while its volumes were bound'))
    const missing = unbound.map((claim) => claims.get(claim, namespace)).filter((claim) => claim === undefined || !isBound(claim))
    if (missing.length === 0) return bound.resolve()
    // A provisioner that cannot use the node says so by taking the annotation away.
    const refused = missing.some((claim) => waitsForConsumer({ scope }, claim) && claim?.metadata.annotations?.[selectedNode] !== node)
    if (refused) bound.reject(new Error('binding volumes: the provisioner refused the node'))
  }
  const onAbort = () => bound.reject(scope.signal.reason)
  const timer = scope.clock.timer(bindTimeoutMs, () => bound.reject(new CodedError({ code: 'VolumesNotBound', message: 'binding volumes: timed out waiting for the condition', where: `Pod ${namespace}/${name}` })))
  const watching = scope.informers.of(PersistentVolumeClaim).onChange(look)
  scope.signal.addEventListener('abort', onAbort, { once: true })
  try {
    look()
    await bound.promise
  } finally {
    watching[Symbol.dispose]()
    timer[Symbol.dispose]()
    scope.signal.removeEventListener('abort', onAbort)
  }
}

function waitsForConsumer({ scope }: Pick<Scheduler, 'scope'>, claim: PersistentVolumeClaim | undefined): boolean {
  return scope.cache(StorageClass).get(claim?.spec.storageClassName ?? '')?.volumeBindingMode === 'WaitForFirstConsumer'
}
