import type { Controller } from '@idp/controller'
import { caSyncController } from './ca-sync.ts'
import { GRPCRoute, HTTPRoute, TLSRoute } from '../kinds/gateway-api.ts'
import { gatewayController, type GatewaySettings } from './gateway.ts'
import { gatewayClassController } from './gateway-class.ts'
import { addressPoolController, loadBalancerController } from './load-balancer.ts'
import { policyStatusController } from './policy-status.ts'
import { routeController } from './route.ts'
import { secretSyncController } from './secret-sync.ts'

/** Controllers of network policies and of load balancer addresses. */
export function networkControllers(): Controller[] {
  return [loadBalancerController(), addressPoolController, policyStatusController('CiliumNetworkPolicy'), policyStatusController('CiliumClusterwideNetworkPolicy')] as unknown as Controller[]
}

/** Controllers of the Gateway API. */
export function createControllers(settings: GatewaySettings): Controller[] {
  const controllers = [gatewayClassController, gatewayController(settings), routeController(HTTPRoute), routeController(GRPCRoute), routeController(TLSRoute), secretSyncController(settings.secretsNamespace), caSyncController(settings.secretsNamespace)]
  return controllers as unknown as Controller[]
}
