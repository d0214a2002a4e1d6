import { createManager, Waiting, type Controller, type Manager } from '@idp/controller'
import type { Program } from '@idp/sandbox'
import { createAcmeClients } from '../controllers/acme-account.ts'
import { certificateController } from '../controllers/certificate.ts'
import { challengeController } from '../controllers/challenge.ts'
import { approverController, requestController } from '../controllers/certificate-request.ts'
import { issuerController } from '../controllers/issuer.ts'
import { orderController } from '../controllers/order.ts'
import { gatewayShim, ingressShim } from '../controllers/shim.ts'
import { signingRequestController } from '../controllers/signing-request.ts'
import type { World } from '../controllers/world.ts'
import { renderMetrics } from '../engine/metrics.ts'
import { Challenge } from '../kinds/acme.ts'
import { Certificate, ClusterIssuer, Issuer } from '../kinds/cert-manager.ts'
import { flag, managed, probes } from './process.ts'

/** All control loops of cert-manager's controller. */
export function createControllers(world: World): Controller[] {
  const clients = createAcmeClients(world)
  const controllers = [
    issuerController(Issuer, world, clients), issuerController(ClusterIssuer, world, clients), approverController, requestController(world), certificateController(world), orderController(clients), challengeController(clients, world),
    ingressShim(world.defaultIssuer), ...(world.gateways ? [gatewayShim(world.defaultIssuer)] : []), ...(world.signingRequests ? [signingRequestController(world)] : []),
  ]
  return controllers as unknown as Controller[]
}

/** cert-manager-controller: issues and renews certificates. */
export const controller: Program = {
  images: ['quay.io/jetstack/cert-manager-controller'],
  async main(container) {
    const { client, clock, log, signal, pod, args, random, net } = container
    // Probes answer before the loops are there.
    const running: { manager?: Manager } = {}
    const counted = countSyncs()
    await using _probes = await probes(container, { health: 9403, metrics: 9402, ready: () => running.manager !== undefined, render: () => (running.manager === undefined ? '' : metricsOf(running.manager, counted.syncs, clock.now())) })
    const manager = createManager({
      client: managed(client), clock, log, signal, name: 'cert-manager',
      leader: { name: 'cert-manager-controller', namespace: flag(args, 'leader-election-namespace') ?? 'kube-system', identity: `${pod.name}-external-cert-manager-controller` },
      controllers: counted.wrap(createControllers({
        clusterNamespace: (flag(args, 'cluster-resource-namespace') ?? pod.namespace).replace('$(POD_NAMESPACE)', pod.namespace), random, gateways: ['', 'true'].includes(flag(args, 'enable-gateway-api') ?? 'false'),
        fetch: (url, options) => net.fetch(url, options), solverImage: flag(args, 'acme-http01-solver-image') ?? 'quay.io/jetstack/cert-manager-acmesolver:v1.19.0',
        defaultIssuer: { name: flag(args, 'default-issuer-name') ?? '', kind: flag(args, 'default-issuer-kind') ?? 'Issuer', group: flag(args, 'default-issuer-group') ?? 'cert-manager.io' },
        signingRequests: /ExperimentalCertificateSigningRequestControllers=true/.test(flag(args, 'feature-gates') ?? ''),
      })),
    })
    running.manager = manager // one that waits for the lease is as healthy as the leader
    await manager.started.catch((error: unknown) => { if (!signal.aborted) throw error })
    log.info('cert-manager-controller is ready')
    await manager.done
    return signal.aborted ? 0 : 1
  },
}

type Syncs = Map<string, { calls: number; errors: number }>

/** Counts the passes of controllers. */
function countSyncs(): { readonly syncs: Syncs; wrap(controllers: readonly Controller[]): Controller[] } {
  const syncs: Syncs = new Map()
  return {
    syncs,
    wrap: (controllers) => controllers.map((each) => ({
      ...each,
      async reconcile(object, scope) {
        const count = syncs.get(each.name) ?? { calls: 0, errors: 0 }
        syncs.set(each.name, { ...count, calls: count.calls + 1 })
        try {
          return await each.reconcile(object, scope)
        } catch (error) {
          const { calls, errors } = syncs.get(each.name) ?? { calls: 1, errors: 0 }
          if (!(error instanceof Waiting)) syncs.set(each.name, { calls, errors: errors + 1 })
          throw error
        }
      },
    })),
  }
}

function metricsOf(manager: Manager, syncs: Syncs, now: number): string {
  const [certificates, challenges] = [manager.cache(Certificate).list(), manager.cache(Challenge).list()]
  return renderMetrics({ certificates, challenges, issuers: [...manager.cache(Issuer).list(), ...manager.cache(ClusterIssuer).list()], syncs, now })
}
