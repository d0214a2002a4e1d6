import type { Controller } from '@idp/controller'
import { rfc3339 } from '@idp/kit'
import { conditions } from '../engine/condition.ts'
import { controllerName, GatewayClass } from '../kinds/gateway-api.ts'

/** Names of the Gateway API features that the data path has, as GatewayClass status reports them. */
const supportedFeatures = [
  'GRPCRoute', 'GRPCRouteNamedRouteRule', 'GRPCRouteRequestHeaderModifier', 'Gateway', 'GatewayAddressEmpty', 'GatewayFrontendClientCertificateValidation',
  'GatewayFrontendClientCertificateValidationInsecureFallback', 'GatewayHTTPListenerIsolation', 'GatewayHTTPSListenerDetectMisdirectedRequests', 'GatewayInfrastructurePropagation',
  'GatewayPort8080', 'GatewayStaticAddresses', 'HTTPRoute', 'HTTPRoute303RedirectStatusCode', 'HTTPRoute307RedirectStatusCode', 'HTTPRoute308RedirectStatusCode',
  'HTTPRouteBackendProtocolH2C', 'HTTPRouteBackendProtocolWebSocket', 'HTTPRouteBackendRequestHeaderModification', 'HTTPRouteBackendRequestRedirect', 'HTTPRouteBackendTimeout',
  'HTTPRouteBackendURLRewrite', 'HTTPRouteCORS', 'HTTPRouteDestinationPortMatching', 'HTTPRouteHostRewrite', 'HTTPRouteMethodMatching', 'HTTPRouteNamedRouteRule',
  'HTTPRouteParentRefPort', 'HTTPRoutePathRedirect', 'HTTPRoutePathRewrite', 'HTTPRoutePortRedirect', 'HTTPRouteQueryParamMatching', 'HTTPRouteRequestMirror',
  'HTTPRouteRequestMultipleMirrors', 'HTTPRouteRequestPercentageMirror', 'HTTPRouteRequestTimeout', 'HTTPRouteResponseHeaderModification', 'HTTPRouteRetry',
  'HTTPRouteRetryBackendTimeout', 'HTTPRouteRetryConnectionError', 'HTTPRouteSchemeRedirect', 'ReferenceGrant', 'TLSRoute',
]

/** Accepts the classes that name this controller. */
export const gatewayClassController: Controller<GatewayClass> = {
  name: 'gatewayclass',
  for: GatewayClass,
  async reconcile(gatewayClass, { clock }) {
    if (gatewayClass.spec.controllerName !== controllerName) return
    const parameters = gatewayClass.spec.parametersRef
    const verdict = parameters === undefined
      ? { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'Valid GatewayClass' } as const
      : { type: 'Accepted', status: 'False', reason: 'InvalidParameters', message: `parametersRef of kind ${parameters.kind} is not supported by this stand-in; set gatewayAPI.serviceType of the chart` } as const
    return {
      status: {
        ...gatewayClass.status,
        conditions: conditions([verdict], gatewayClass.status?.conditions, gatewayClass.metadata.generation, rfc3339(clock.now())),
        supportedFeatures: supportedFeatures.map((name) => ({ name })),
      },
    }
  },
}
