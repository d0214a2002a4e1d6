import { Node, Service } from '@idp/api'
import type { Client } from '@idp/client'
import { CodedError } from '@idp/kit'
import { fieldManager } from '../bootstrap/apply-objects.ts'
import type { Ports } from '../access/platform-access.ts'

/** Where a person says the gateway answers; what is left out is found in the cluster. */
export interface GatewayHints { readonly address?: string | undefined; readonly https?: number | undefined; readonly http?: number | undefined }

/** The node ports that the routes of the blueprint name in their redirects. */
export const gatewayNodePorts = { https: 30443, http: 30080 } as const

/** What Cilium labels the Service of a Gateway with. */
const ownedByGateway = 'io.cilium.gateway/owning-gateway=idp-gateway'

/**
 * Gives the gateway's Service the node ports of the blueprint, and says where they are reached from this machine: on a node's InternalIP unless told otherwise.
 * Throws CodedError `NoGatewayService`, `NoNodeAddress`.
 */
export async function locateGateway(client: Client, hints: GatewayHints): Promise<Ports & { readonly address: string }> {
  const service = (await client.list(Service, { namespace: 'kube-system', labelSelector: ownedByGateway })).items[0]
  if (service === undefined) throw new CodedError({ code: 'NoGatewayService', message: 'the gateway has no Service', where: `Services kube-system with ${ownedByGateway}`, remedy: "Look at Gateway kube-system/idp-gateway: 'kubectl describe gateway -n kube-system idp-gateway'" })
  await fixNodePorts(client, service)
  return { address: hints.address ?? await nodeAddress(client), https: hints.https ?? gatewayNodePorts.https, http: hints.http ?? gatewayNodePorts.http }
}

async function fixNodePorts(client: Client, service: Service): Promise<void> {
  const wanted = [{ port: 80, nodePort: gatewayNodePorts.http }, { port: 443, nodePort: gatewayNodePorts.https }]
  const ports = service.spec?.ports ?? []
  const type = service.spec?.type ?? 'ClusterIP'
  if (type !== 'ClusterIP' && wanted.every((one) => ports.some((port) => port.port === one.port && port.nodePort === one.nodePort))) return
  await client.patch(Service, service.metadata.name ?? '', { spec: { ...(type === 'ClusterIP' ? { type: 'NodePort' } : {}), ports: wanted } }, { type: 'strategic', namespace: service.metadata.namespace, fieldManager })
}

async function nodeAddress(client: Client): Promise<string> {
  const { items } = await client.list(Node)
  const addresses = items.flatMap((node) => (node.status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address))
  const [first] = addresses
  if (first === undefined) throw new CodedError({ code: 'NoNodeAddress', message: 'no node has an InternalIP, so it is not known where the gateway answers', where: 'Nodes', remedy: 'Say it with --gateway-address' })
  return first
}
