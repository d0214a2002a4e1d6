import { createManager, type Controller } from '@idp/controller'
import type { Program } from '@idp/sandbox'
import { certificateController } from '../controllers/certificate.ts'
import { approverController, requestController } from '../controllers/certificate-request.ts'
import { issuerController } from '../controllers/issuer.ts'
import { gatewayShim, ingressShim } from '../controllers/shim.ts'
import { ClusterIssuer, Issuer } from '../kinds/cert-manager.ts'
import { flag, managed, probes } from './process.ts'
import type { Random } from '@idp/kit'

/** All control loops of cert-manager's controller. @param clusterNamespace where Secrets of ClusterIssuers are */
export function createControllers(options: { readonly clusterNamespace: string; readonly random: Random; readonly gateways: boolean }): Controller[] {
  const { clusterNamespace, random, gateways } = options
  const controllers = [issuerController(Issuer, clusterNamespace), issuerController(ClusterIssuer, clusterNamespace), approverController, requestController(clusterNamespace), certificateController(random), ingressShim, ...(gateways ? [gatewayShim] : [])]
  return controllers as unknown as Controller[]
}

/** cert-manager-controller: issues and renews certificates. */
export const controller: Program = {
  images: ['quay.io/jetstack/cert-manager-controller'],
  async main(container) {
    const { client, clock, log, signal, pod, args, random } = container
    let ready = false
    await using _probes = await probes(container, { health: 9403, metrics: 9402, ready: () => ready })
    const manager = createManager({
      client: managed(client), clock, log, signal, name: 'cert-manager',
      leader: { name: 'cert-manager-controller', namespace: flag(args, 'leader-election-namespace') ?? 'kube-system', identity: `${pod.name}-external-cert-manager-controller` },
      controllers: createControllers({ clusterNamespace: (flag(args, 'cluster-resource-namespace') ?? pod.namespace).replace('$(POD_NAMESPACE)', pod.namespace), random, gateways: flag(args, 'enable-gateway-api') !== 'false' }),
    })
    ready = true // one that waits for the lease is as healthy as the leader
    await manager.started.catch((error: unknown) => { if (!signal.aborted) throw error })
    log.info('cert-manager-controller is ready')
    await manager.done
    return signal.aborted ? 0 : 1
  },
}
