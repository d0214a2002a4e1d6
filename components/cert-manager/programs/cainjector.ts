import { createManager } from '@idp/controller'
import type { Program } from '@idp/sandbox'
import { injectorControllers } from '../controllers/ca-injector.ts'
import { flag, managed, probes } from './process.ts'

const apiServerCa = '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt'

/** cert-manager-cainjector: keeps CA bundles of webhooks, CRDs and aggregated APIs. */
export const cainjector: Program = {
  images: ['quay.io/jetstack/cert-manager-cainjector'],
  async main(container) {
    const { client, clock, log, signal, pod, args, files } = container
    await using _probes = await probes(container, { health: 9403, metrics: 9402, ready: () => true })
    const manager = createManager({
      client: managed(client), clock, log, signal, name: 'cert-manager-cainjector',
      leader: { name: 'cert-manager-cainjector-leader-election', namespace: flag(args, 'leader-election-namespace') ?? 'kube-system', identity: pod.name },
      controllers: injectorControllers(await files.readText(apiServerCa)),
    })
    await manager.started.catch((error: unknown) => { if (!signal.aborted) throw error })
    log.info('cert-manager-cainjector is ready')
    await manager.done
    return signal.aborted ? 0 : 1
  },
}
