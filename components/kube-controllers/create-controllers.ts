import type { Controller, Loop } from '@idp/controller'
import type { KeyPair } from '@idp/pki'
import { certificateCleaner, certificateSigner } from './controllers/certificate-signing.ts'
import { cronJobController } from './controllers/cron-job.ts'
import { daemonSetController } from './controllers/daemon-set.ts'
import { deploymentController } from './controllers/deployment.ts'
import { endpointSliceController } from './controllers/endpoint-slice.ts'
import { endpointSliceMirroringController } from './controllers/endpoint-slice-mirroring.ts'
import { endpointsController } from './controllers/endpoints.ts'
import { ephemeralVolumeController } from './controllers/ephemeral-volume.ts'
import { garbageCollector } from './controllers/garbage-collector.ts'
import { horizontalPodAutoscalerController } from './controllers/horizontal-pod-autoscaler.ts'
import { jobController } from './controllers/job.ts'
import { jobOrphanPodController } from './controllers/job-orphan-pods.ts'
import { localPathClass, localPathProvisioner, localPathReclaimer } from './controllers/local-path-provisioner.ts'
import { namespaceController } from './controllers/namespace.ts'
import { nodeLifecycleController } from './controllers/node-lifecycle.ts'
import { volumeController } from './controllers/persistent-volume.ts'
import { volumeClaimController } from './controllers/persistent-volume-claim.ts'
import { disruptionController } from './controllers/pod-disruption-budget.ts'
import { podGarbageCollector } from './controllers/pod-gc.ts'
import { replicaSetController } from './controllers/replica-set.ts'
import { replicationControllerController } from './controllers/replication-controller.ts'
import { resourceQuotaController } from './controllers/resource-quota.ts'
import { rootCaPublisher } from './controllers/root-ca.ts'
import { serviceAccountController } from './controllers/service-account.ts'
import { statefulSetController } from './controllers/stateful-set.ts'
import { taintEvictionController } from './controllers/taint-eviction.ts'
import { tokenSecretController } from './controllers/token-secret.ts'
import { ttlAfterFinishedController } from './controllers/ttl-after-finished.ts'
import { claimProtectionController, volumeProtectionController } from './controllers/volume-protection.ts'

export interface ControllersOptions {
  /** The cluster's CA in PEM. */
  readonly clusterCa: string
  /** The CA that signs certificate requests; without it they stay unsigned. */
  readonly signingCa?: KeyPair
}

/** All controllers of kube-controller-manager, new each time. */
export function createControllers({ clusterCa, signingCa }: ControllersOptions): (Controller | Loop)[] {
  return [
    namespaceController, serviceAccountController, rootCaPublisher(clusterCa), tokenSecretController(clusterCa),
    deploymentController, replicaSetController, statefulSetController, daemonSetController, jobController, jobOrphanPodController, cronJobController, ttlAfterFinishedController, replicationControllerController, horizontalPodAutoscalerController(),
    endpointSliceController(), endpointsController(), endpointSliceMirroringController,
    volumeClaimController, volumeController, claimProtectionController, volumeProtectionController, ephemeralVolumeController,
    localPathClass(), localPathProvisioner, localPathReclaimer,
    resourceQuotaController, disruptionController, nodeLifecycleController(), taintEvictionController, podGarbageCollector(),
    ...(signingCa === undefined ? [] : [certificateSigner(signingCa)]), certificateCleaner, garbageCollector(),
  ]
}
