import type { Controller, Loop } from '@idp/controller'
import { cronJobController } from './controllers/cron-job.ts'
import { daemonSetController } from './controllers/daemon-set.ts'
import { deploymentController } from './controllers/deployment.ts'
import { endpointSliceController } from './controllers/endpoint-slice.ts'
import { endpointsController } from './controllers/endpoints.ts'
import { garbageCollector } from './controllers/garbage-collector.ts'
import { jobController } from './controllers/job.ts'
import { namespaceController } from './controllers/namespace.ts'
import { replicaSetController } from './controllers/replica-set.ts'
import { rootCaPublisher } from './controllers/root-ca.ts'
import { serviceAccountController } from './controllers/service-account.ts'
import { statefulSetController } from './controllers/stateful-set.ts'
import { ttlAfterFinishedController } from './controllers/ttl-after-finished.ts'

export interface ControllersOptions {
  /** The cluster's CA in PEM. */
  readonly clusterCa: string
}

/** All controllers of kube-controller-manager, new each time. */
export function createControllers({ clusterCa }: ControllersOptions): (Controller | Loop)[] {
  return [
    namespaceController, serviceAccountController, rootCaPublisher(clusterCa),
    deploymentController, replicaSetController, statefulSetController, daemonSetController, jobController, cronJobController, ttlAfterFinishedController,
    endpointSliceController, endpointsController, garbageCollector(),
  ]
}
