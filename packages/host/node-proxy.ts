import { ApiError, Pod, Service } from '@idp/api'
import type { NodeProxy, ProxyTarget } from '@idp/apiserver'
import type { Client } from '@idp/client'
import type { Net, Nodes, PodReference } from '@idp/sandbox'

export interface NodeProxyOptions {
  nodes(): Nodes | undefined
  net(): Net | undefined
  client(): Client
}

/** The API server's way to the nodes and into the cluster's network; both start after it, and answer from then on. */
export function nodeProxy({ nodes, net, client }: NodeProxyOptions): NodeProxy {
  const started = () => {
    const found = nodes()
    if (found === undefined) throw new ApiError('ServiceUnavailable', 'the nodes of the cluster are starting')
    return found
  }
  const reference = (pod: Pod, container: string): PodReference => ({ namespace: pod.metadata.namespace ?? '', name: pod.metadata.name ?? '', container })
  return {
    async logs(pod, { container, signal, ...query }) {
      const lines = await started().logs(reference(pod, container), query)
      const reader = lines.getReader()
      const body = new ReadableStream<Uint8Array>({
        start: () => signal.addEventListener('abort', () => void reader.cancel().catch(() => {}), { once: true }),
        async pull(controller) {
          const { done, value } = await reader.read()
          if (done) controller.close()
          else controller.enqueue(value)
        },
        cancel: (reason) => reader.cancel(reason),
      }, { highWaterMark: 0 })
      return new Response(body, { headers: { 'content-type': 'text/plain' } })
    },
    exec: (pod, { container, command, tty, signal }, { stdin, stdout, stderr }) => started().exec(reference(pod, container), command, { stdin, stdout, stderr: tty ? stdout : stderr, tty, signal }),
    async attach(pod, { container, tty }, { stdin, stdout, stderr }) {
      await started().attach(reference(pod, container), { stdin, stdout, stderr: tty ? stdout : stderr, tty })
    },
    portForward: (pod, port) => started().portForward(reference(pod, ''), port),
    async proxy(target, path, init) {
      if (target.kind === 'nodes') return started().request(target.name, new Request(`https://node.invalid${path}`, init))
      const network = net()
      if (network === undefined) throw new ApiError('ServiceUnavailable', 'the network of the cluster is starting')
      const { host, port } = await (target.kind === 'pods' ? podAddress(client(), target) : serviceAddress(client(), target))
      // As upstream's proxy: whoever may use it has been authorized; the server's certificate is not looked at.
      return network.fetch(`${target.scheme}://${host}:${port}${path}`, { ...init, insecure: true, redirect: 'manual' })
    },
  }
}

async function podAddress(client: Client, { namespace, name, port }: ProxyTarget): Promise<{ host: string; port: number }> {
  const { spec, status } = await client.get(Pod, name, { namespace })
  const ports = spec.containers.flatMap((c) => c.ports ?? [])
  const number = port === '' ? ports[0]?.containerPort ?? 80 : Number(port) || ports.find((p) => p.name === port)?.containerPort
  if (status?.podIP === undefined || number === undefined) throw new ApiError('ServiceUnavailable', `pod ${name} has no address or no port ${JSON.stringify(port)}`)
  return { host: status.podIP, port: number }
}

async function serviceAddress(client: Client, { namespace, name, port }: ProxyTarget): Promise<{ host: string; port: number }> {
  const { spec } = await client.get(Service, name, { namespace })
  const ports = spec.ports ?? []
  const found = port === '' ? ports[0] : ports.find((p) => p.name === port || String(p.port) === port)
  if (found === undefined) throw new ApiError('ServiceUnavailable', `no endpoints available for service ${JSON.stringify(name)}`)
  return { host: `${name}.${namespace}.svc`, port: found.port }
}
