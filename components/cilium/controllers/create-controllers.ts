import type { Controller } from '@idp/controller'
import { GRPCRoute, HTTPRoute, TLSRoute } from '../kinds/gateway-api.ts'
import { gatewayController, type GatewaySettings } from './gateway.ts'
import { gatewayClassController } from './gateway-class.ts'
import { loadBalancerController } from './load-balancer.ts'
import { routeController } from './route.ts'
import { secretSyncController } from './secret-sync.ts'

/** All controllers of cilium-operator. */
export function createControllers(settings: GatewaySettings & { readonly secretsNamespace: string }): Controller[] {
  const controllers = [gatewayClassController, gatewayController(settings), routeController(HTTPRoute), routeController(GRPCRoute), routeController(TLSRoute), loadBalancerController, secretSyncController(settings.secretsNamespace)]
  return controllers as unknown as Controller[]
}
