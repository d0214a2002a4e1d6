import { Pod, ReplicaSet, ReplicationController } from '@idp/api'
import { claim, isPodActive, isPodAvailable, isPodReady, ownersOfOrphan, slowStart, watch, type Controller } from '@idp/controller'
import { messageOf, rfc3339 } from '@idp/kit'
import { findCondition, removeCondition, setCondition } from '../engine/conditions.ts'
import { compareForDeletion } from '../engine/pod-ranking.ts'
import { podFromTemplate, type PodTemplate } from '../engine/pod-from-template.ts'
import { createPod, deletePod } from './pod-control.ts'

const selectorOf = ({ spec }: ReplicationController) => ({ matchLabels: spec.selector ?? {} })

/** Keeps the number of pods of ReplicationControllers, the forerunners of ReplicaSets. */
export const replicationControllerController: Controller<ReplicationController> = {
  name: 'replication-controller',
  for: ReplicationController, owns: [Pod], reads: [ReplicaSet],
  watches: [watch(Pod, ownersOfOrphan(ReplicationController, selectorOf))],
  async reconcile(owner, scope) {
    const pods = (await claim({ owner, ownerKind: ReplicationController, childKind: Pod, selector: selectorOf(owner) }, scope)).filter(isPodActive)
    const wanted = owner.spec.replicas ?? 1
    const now = scope.clock.now()
    let failure: unknown
    if (owner.metadata.deletionTimestamp === undefined && pods.length < wanted) {
      const template = (owner.spec.template ?? {}) as PodTemplate
      failure = (await slowStart(wanted - pods.length, () => createPod(podFromTemplate(template, ReplicationController, owner), owner, scope))).error
    } else if (owner.metadata.deletionTimestamp === undefined) {
      const surplus = [...pods].map((pod) => ({ pod, neighbours: 0 })).sort((a, b) => compareForDeletion(a, b, now)).slice(0, Math.max(0, pods.length - wanted))
      await Promise.all(surplus.map(({ pod }) => deletePod(pod, owner, scope)))
    }
    const live = scope.cache(Pod).ownedBy(owner.metadata.uid ?? '').filter(isPodActive)
    // The first refusal stands until it is over: each try has another pod's name in its message.
    const conditions = failure === undefined ? removeCondition(owner.status?.conditions, 'ReplicaFailure')
      : findCondition(owner.status?.conditions, 'ReplicaFailure') !== undefined ? owner.status?.conditions ?? []
      : setCondition(owner.status?.conditions, { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: messageOf(failure) }, rfc3339(now))
    return {
      status: {
        replicas: live.length, fullyLabeledReplicas: live.length, readyReplicas: live.filter(isPodReady).length,
        availableReplicas: live.filter((pod) => isPodAvailable(pod, owner.spec.minReadySeconds ?? 0, now)).length,
        observedGeneration: owner.metadata.generation ?? 0, ...(conditions.length === 0 ? {} : { conditions }),
      },
      ...(failure === undefined ? {} : { failed: failure }),
    }
  },
}
