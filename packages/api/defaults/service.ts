import type { JsonObject } from '@idp/formats'
import { child, ensure, fill, items } from './fields.ts'

export function defaultService(object: JsonObject): void {
  const spec = ensure(object, 'spec')
  fill(spec, 'sessionAffinity', 'None')
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig
  if (spec.sessionAffinity === 'ClientIP') fill(ensure(ensure(spec, 'sessionAffinityConfig'), 'clientIP'), 'timeoutSeconds', 10800)
  fill(spec, 'type', 'ClusterIP')
  for (const port of items(spec, 'ports')) {
    fill(port, 'protocol', 'TCP')
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port ?? 0
  }
  const external = spec.type === 'NodePort' || spec.type === 'LoadBalancer'
  if (external || (spec.type === 'ClusterIP' && Array.isArray(spec.externalIPs) && spec.externalIPs.length > 0)) fill(spec, 'externalTrafficPolicy', 'Cluster')
  if (external || spec.type === 'ClusterIP') fill(spec, 'internalTrafficPolicy', 'Cluster')
  if (spec.type !== 'LoadBalancer') return
  fill(spec, 'allocateLoadBalancerNodePorts', true)
  for (const ingress of items(child(object, 'status', 'loadBalancer'), 'ingress')) if (ingress.ip !== undefined) fill(ingress, 'ipMode', 'VIP')
}
