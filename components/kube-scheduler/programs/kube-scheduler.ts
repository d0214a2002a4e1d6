import { createManager } from '@idp/controller'
import type { ControlPlaneProgram } from '@idp/sandbox'
import { schedulerLoop } from '../scheduler.ts'

/** kube-scheduler with its default profile, holding upstream's Lease. */
export const kubeScheduler: ControlPlaneProgram = {
  async run({ client, clock, log, random, signal }) {
    const manager = createManager({
      client, clock, log, signal, name: 'kube-scheduler', controllers: [schedulerLoop(random)],
      leader: { name: 'kube-scheduler', namespace: 'kube-system', identity: 'kube-scheduler_embedded' },
    })
    await manager.started
    await manager.done
    // Ending although nobody asked: the lease was lost. The host starts the program again.
    if (!signal.aborted) throw new Error('kube-scheduler lost its lease')
  },
}
