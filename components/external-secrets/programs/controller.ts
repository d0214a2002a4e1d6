import { createManager } from '@idp/controller'
import type { Container } from '@idp/sandbox'
import { createControllers, trimSecret } from '../controllers/create-controllers.ts'
import { managed, probes } from './process.ts'

const tokenFile = '/var/run/secrets/kubernetes.io/serviceaccount/token'

/** The operator: stores, ExternalSecrets and the rest. */
export async function runController(container: Container): Promise<number> {
  const { client, clock, log, signal, pod, args, random, net, files } = container
  let ready = false
  const { controllers, metrics } = createControllers({ clock, random, fetch: (url, options) => net.fetch(url, options), dial: (target) => net.connect(target), ownToken: () => files.readText(tokenFile) })
  await using _probes = await probes(container, { ready: () => ready, render: () => metrics.render() })
  const manager = createManager({
    client: managed(client), clock, log, signal, name: 'external-secrets', controllers, trim: trimSecret,
    ...(args.some((arg) => /^--enable-leader-election(=true)?$/.test(arg)) ? { leader: { name: 'external-secrets-controller', namespace: pod.namespace, identity: pod.name } } : {}),
  })
  ready = true
  await manager.started.catch((error: unknown) => { if (!signal.aborted) throw error })
  log.info('external-secrets is ready')
  await manager.done
  return signal.aborted ? 0 : 1
}
