import type { Pod } from '@idp/api'
import type { Interface } from '@idp/sandbox'
import { CodedError, isCoded } from '@idp/kit'
import type { NodeContext } from './node-context.ts'
import { portNumber } from './pod-spec.ts'

/** The network of one running pod: its address and its host ports. */
export interface PodNetwork extends Disposable {
  readonly interface: Interface
}

/**
 * Gives a pod its address (the one it had, if that is free) and publishes its host ports. A pod of the host network has its node's.
 * @param pod the pod as it is now; labels are read when a policy asks
 * @param listened called when a port of the pod opens or closes
 * @throws CodedError `NodePorts` when a host port is taken
 */
export function attachPod(node: NodeContext, pod: () => Pod, listened: () => void): PodNetwork {
  const { spec, metadata, status } = pod()
  const host = spec.hostNetwork === true
  const ip = host ? node.ip : node.addresses.take(status?.podIP)
  const owner = metadata.ownerReferences?.find((o) => o.controller === true)
  const attached = node.fabric.attach({
    ip, namespace: metadata.namespace ?? '', pod: metadata.name ?? '', node: host, shared: host, nodeName: node.name,
    uid: metadata.uid ?? '', serviceAccount: spec.serviceAccountName ?? 'default', ...(owner === undefined ? {} : { owner: { kind: owner.kind, name: owner.name } }),
    labels: () => pod().metadata.labels ?? {},
    portNamed: (name) => pod().spec.containers.map((c) => portNumber(name, c)).find((p) => p !== undefined),
  }, { hosts: Object.fromEntries((spec.hostAliases ?? []).flatMap((a) => (a.hostnames ?? []).map((h) => [h.toLowerCase(), a.ip]))) })
  const held = new DisposableStack()
  held.defer(() => {
    if (!host) node.addresses.release(ip)
  })
  held.use(attached)
  held.use(attached.onListen(listened))
  try {
    for (const port of host ? [] : spec.containers.flatMap((c) => c.ports ?? [])) {
      if (port.hostPort !== undefined && port.hostPort !== 0 && (port.protocol ?? 'TCP') === 'TCP') held.use(attached.publish({ ip: node.ip, port: port.hostPort }, port.containerPort))
    }
  } catch (error) {
    held.dispose()
    if (!isCoded(error, 'PortInUse')) throw error
    throw new CodedError({ code: 'NodePorts', message: 'Pod was rejected: Predicate NodePorts failed: node(s) didn\'t have free ports for the requested pod ports', where: `pod ${metadata.namespace}/${metadata.name}`, cause: error })
  }
  return { interface: attached, [Symbol.dispose]: () => held.dispose() }
}
