import { Node, Service } from '@idp/api'
import { watch, type Controller, type Scope } from '@idp/controller'
import { keyOf } from './caches.ts'

const balanced = (scope: Scope) => scope.cache(Service).list().filter((service) => service.spec.type === 'LoadBalancer').map(keyOf)

/** Gives Services of type LoadBalancer the addresses of the nodes: every node answers on the Service's node ports. */
export const loadBalancerController: Controller<Service> = {
  name: 'load-balancer',
  for: Service,
  watches: [watch(Node, (_node, scope, { before, after }) => (addressOf(before) === addressOf(after) ? [] : balanced(scope)))],
  concerns: (before, after) => after.spec.type === 'LoadBalancer' || before?.spec.type === 'LoadBalancer',
  async reconcile(service, scope) {
    const { type, loadBalancerClass } = service.spec
    if (loadBalancerClass !== undefined && !loadBalancerClass.startsWith('io.cilium/')) return
    if (type !== 'LoadBalancer') return service.status?.loadBalancer?.ingress === undefined ? undefined : { status: { ...service.status, loadBalancer: {} } }
    const ingress = scope.cache(Node).list().flatMap((node) => addressOf(node) ?? []).sort().map((ip) => ({ ip, ipMode: 'VIP' }))
    return { status: { ...service.status, loadBalancer: ingress.length === 0 ? {} : { ingress } } }
  },
}

function addressOf(node: Node | undefined): string | undefined {
  return node?.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address
}
