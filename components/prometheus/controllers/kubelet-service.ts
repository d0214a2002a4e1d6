import { EndpointSlice, Node, Service, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import type { Controller } from '@idp/controller'
import type { KubeObject } from '@idp/formats'

const labels = { 'app.kubernetes.io/name': 'kubelet', 'app.kubernetes.io/managed-by': 'prometheus-operator', 'k8s-app': 'kubelet' }
const ports = [{ name: 'https-metrics', port: 10250 }, { name: 'http-metrics', port: 10255 }, { name: 'cadvisor', port: 4194 }]

/** Keeps a headless Service whose endpoints are the kubelets, as upstream's operator does with `--kubelet-service`. */
export function kubeletServiceController(target: { readonly namespace: string; readonly name: string }): Controller<Node> {
  return {
    name: 'kubelet', for: Node as Kind<Node>,
    concerns: (before, after) => before === undefined || JSON.stringify(addressesOf(before)) !== JSON.stringify(addressesOf(after)),
    async reconcile(_, scope) { await keep(scope.client, target, scope.cache(Node).list()) },
    async gone(_, scope) { await keep(scope.client, target, scope.cache(Node).list()) },
  }
}

function addressesOf({ status }: Node): readonly string[] {
  return (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address)
}

async function keep(client: Client, { namespace, name }: { readonly namespace: string; readonly name: string }, nodes: readonly Node[]): Promise<void> {
  const options = { fieldManager: 'PrometheusOperator', force: true }
  await client.apply(Service, { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace, labels }, spec: { clusterIP: 'None', ports: ports.map(({ name: port, port: number }) => ({ name: port, port: number, protocol: 'TCP' })) } } as never, options)
  const endpoints = [...nodes].sort((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1)).flatMap((node) => addressesOf(node).slice(0, 1).map((address) => ({ addresses: [address], conditions: { ready: true }, nodeName: node.metadata.name ?? '', targetRef: reference(node) })))
  await client.apply(EndpointSlice, {
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: `${name}-operator`, namespace, labels: { ...labels, 'kubernetes.io/service-name': name, 'endpointslice.kubernetes.io/managed-by': 'prometheus-operator' } },
    addressType: 'IPv4', ports: ports.map(({ name: port, port: number }) => ({ name: port, port: number, protocol: 'TCP' })), endpoints,
  } as never, options)
}

const reference = ({ metadata }: KubeObject) => ({ apiVersion: 'v1', kind: 'Node', name: metadata.name ?? '', uid: metadata.uid ?? '' })
