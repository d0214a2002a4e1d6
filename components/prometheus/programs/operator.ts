import { createManager, type Controller } from '@idp/controller'
import { CodedError } from '@idp/kit'
import type { Program } from '@idp/sandbox'
import { kubeletServiceController } from '../controllers/kubelet-service.ts'
import { alertmanagerController, prometheusController } from '../controllers/servers.ts'
import type { OperatorImages } from '../engine/operator/server-objects.ts'
import { portOf, readFlags } from './flags.ts'

/** Stands in for the Prometheus operator: turns Prometheus, Alertmanager, monitors and rules into workloads and their configuration. */
export const operator: Program = {
  images: ['quay.io/prometheus-operator/prometheus-operator'],
  async main({ args, client, clock, log, net, pod, signal }) {
    if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: pod.name })
    const flags = readFlags(args)
    let ready = false
    await using _listener = await net.listen(portOf(flags.get('web.listen-address'), 8080), { handler: (request) => {
      const { pathname } = new URL(request.url)
      if (pathname === '/healthz') return new Response('{"status":"up"}', { status: ready ? 200 : 503 })
      if (pathname === '/metrics') return new Response('# HELP prometheus_operator_ready 1 when the controller is ready to reconcile resources, 0 otherwise.\n# TYPE prometheus_operator_ready gauge\nprometheus_operator_ready ' + (ready ? '1' : '0') + '\n', { headers: { 'content-type': 'text/plain; version=0.0.4' } })
      return new Response('not found\n', { status: 404 })
    } })
    const version = pod.image.split(':').at(-1) ?? 'latest'
    const images = {
      prometheus: flags.get('prometheus-default-base-image') ?? 'quay.io/prometheus/prometheus:v3.5.0', alertmanager: flags.get('alertmanager-default-base-image') ?? 'quay.io/prometheus/alertmanager:v0.28.1',
      ...reloaderResources(flags),
      reloader: flags.get('prometheus-config-reloader') ?? `quay.io/prometheus-operator/prometheus-config-reloader:${version}`,
    }
    const [namespace, name] = (flags.get('kubelet-service') ?? '').split('/')
    const manager = createManager({
      client, clock, log, signal, name: 'prometheus-operator',
      controllers: [prometheusController(images), alertmanagerController(images), ...(namespace === undefined || name === undefined || name === '' ? [] : [kubeletServiceController({ namespace, name })])] as unknown as Controller[],
    })
    await manager.started.catch((error: unknown) => { if (!signal.aborted) throw error })
    ready = true
    log.info('prometheus-operator is ready')
    await manager.done
    return signal.aborted ? 0 : 1
  },
}

/** What a reloader's container asks for, by upstream's flags, whose `0` means nothing. */
function reloaderResources(flags: ReadonlyMap<string, string>): Pick<OperatorImages, 'reloaderResources'> {
  const of = (which: 'request' | 'limit') => Object.fromEntries((['cpu', 'memory'] as const).flatMap((resource) => {
    const amount = flags.get(`config-reloader-${resource}-${which}`) ?? '0'
    return amount === '0' ? [] : [[resource, amount]]
  }))
  const [requests, limits] = [of('request'), of('limit')]
  return Object.keys({ ...requests, ...limits }).length === 0 ? {} : { reloaderResources: { requests, limits } }
}
