import { createManager } from '@idp/controller'
import type { ControlPlaneProgram } from '@idp/sandbox'
import { createControllers } from '../create-controllers.ts'
import { trimCached } from '../engine/trim-cached.ts'

/** kube-controller-manager: runs every controller over shared informers until the signal, holding upstream's Lease. */
export const kubeControllerManager: ControlPlaneProgram = {
  async run({ client, clock, log, signal, clusterCa }) {
    const manager = createManager({
      client, clock, log, signal, name: 'kube-controller-manager', controllers: createControllers({ clusterCa }), trim: trimCached,
      leader: { name: 'kube-controller-manager', namespace: 'kube-system', identity: 'kube-controller-manager_embedded' },
    })
    await manager.started
    await manager.done
    // Ending although nobody asked: the lease was lost. The host starts the program again.
    if (!signal.aborted) throw new Error('kube-controller-manager lost its lease')
  },
}
