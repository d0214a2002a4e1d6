import type { Handler } from '@idp/http'
import type { Container } from '@idp/sandbox'
import { startApplicationSetController } from '../controllers/application-set-controller.ts'
import { counter, formatMetrics } from '../engine/metrics.ts'
import { readPush } from '../engine/push-event.ts'
import type { ApplicationsSyncPolicy } from '../kinds/application-set.ts'
import { clientOf, ended, healthAndMetrics, portOf, repoServiceOf } from './container-io.ts'

/** argocd-applicationset-controller: makes Applications; its webhook port looks at Git at once. */
export async function applicationSetController(container: Container): Promise<number> {
  const { clock, env, log, net, pod, random, signal } = container
  const hooks = counter('argocd_appset_webhook_requests_total', 'Number of webhook requests')
  const policy = env['ARGOCD_APPLICATIONSET_CONTROLLER_POLICY']
  const controller = startApplicationSetController({
    client: clientOf(container), clock, log, random, signal, namespace: pod.namespace, repo: repoServiceOf(container, 'ARGOCD_APPLICATIONSET_CONTROLLER_REPO_SERVER'),
    ...(policy === undefined || policy === '' ? {} : { policy: policy as ApplicationsSyncPolicy }),
  })
  let started = false
  controller.started.then(() => { started = true }, () => undefined)
  const webhook: Handler = async (request) => {
    if (new URL(request.url).pathname !== '/api/webhook' || request.method !== 'POST') return new Response('not found\n', { status: 404 })
    const push = readPush(request.headers, await request.text())
    hooks.add({ recognised: String(push !== undefined) })
    if (push === undefined) return new Response('Webhook is not a push\n', { status: 400 })
    controller.pushed(push)
    return new Response('OK')
  }
  await using _probe = await net.listen(portOf(container, 'probe-addr', 8081), { handler: healthAndMetrics(() => '', () => started) })
  await using _metrics = await net.listen(portOf(container, 'metrics-addr', 8080), { handler: healthAndMetrics(() => formatMetrics([hooks])) })
  await using _webhook = await net.listen(portOf(container, 'webhook-addr', 7000), { handler: webhook })
  return await ended(container)
}
