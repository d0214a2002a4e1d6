import { createManager } from '@idp/controller'
import { CodedError } from '@idp/kit'
import type { Container, Program } from '@idp/sandbox'
import { createControllers, networkControllers } from '../controllers/create-controllers.ts'
import { collectIdentities } from '../controllers/identity-collector.ts'
import { healthEndpoint } from './health-endpoint.ts'

/** cilium-operator: status of policies, Gateway API status, Services of Gateways, copies of their certificates, load balancer addresses. */
export const operator: Program = {
  images: ['quay.io/cilium/operator-generic', 'quay.io/cilium/operator'],
  async main(container) {
    const { client, clock, log, signal, net } = container
    if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'cilium-operator needs the token of its ServiceAccount' })
    let ready = false
    const server = healthEndpoint({ ready: () => ready, metrics: () => `# TYPE cilium_operator_ready gauge\ncilium_operator_ready ${ready ? 1 : 0}\n` })
    await using _health = await net.listen(9234, server)
    await using _metrics = await net.listen(9963, server)
    const config = await readConfig(container)
    const gateways = config['enable-gateway-api'] !== 'false'
    if (!gateways) log.info('Gateway API is off')
    const manager = createManager({
      client, clock, log, signal, name: 'cilium-operator',
      leader: { name: 'cilium-operator-resource-lock', namespace: container.pod.namespace, identity: container.pod.name },
      controllers: [...networkControllers(), ...(gateways ? createControllers({
        serviceType: serviceType(config['gateway-api-service-type']), nodePorts: portMap(config['gateway-api-node-ports'] ?? ''),
        proxyLabels: { 'k8s-app': 'cilium-envoy' }, secretsNamespace: config['gateway-api-secrets-namespace'] ?? 'cilium-secrets',
      }) : [])],
    })
    ready = true // a standby without the lease is as healthy as the leader
    await manager.started.catch((error: unknown) => { if (!signal.aborted) throw error })
    log.info('cilium-operator is ready')
    collectIdentities({ client, clock, log, signal })
    await manager.done
    return signal.aborted ? 0 : 1
  },
}

/** The ConfigMap `cilium-config`, as it is mounted. */
export async function readConfig({ files }: Container): Promise<Readonly<Record<string, string>>> {
  const directory = '/tmp/cilium/config-map'
  const config: Record<string, string> = {}
  if (!await files.exists(directory)) return config
  for (const { name, directory: isDirectory } of await files.list(directory)) if (!isDirectory && !name.startsWith('..')) config[name] = (await files.readText(`${directory}/${name}`)).trim()
  return config
}

function serviceType(text = 'LoadBalancer'): 'LoadBalancer' | 'NodePort' | 'ClusterIP' {
  if (text === 'LoadBalancer' || text === 'NodePort' || text === 'ClusterIP') return text
  throw new CodedError({ code: 'InvalidConfig', message: `gateway-api-service-type is ${JSON.stringify(text)}`, where: 'ConfigMap cilium-config', remedy: 'use LoadBalancer, NodePort or ClusterIP' })
}

/** `80=30080,443=30443` */
function portMap(text: string): Record<number, number> {
  const ports: Record<number, number> = {}
  for (const pair of text.split(',').filter((part) => part.trim() !== '')) {
    const match = /^\s*(\d+)=(\d+)\s*$/.exec(pair)
    if (match === null) throw new CodedError({ code: 'InvalidConfig', message: `gateway-api-node-ports holds ${JSON.stringify(pair)}`, where: 'ConfigMap cilium-config', remedy: 'write port=nodePort, e.g. 80=30080,443=30443' })
    ports[Number(match[1])] = Number(match[2])
  }
  return ports
}
