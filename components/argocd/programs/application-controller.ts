import type { Container } from '@idp/sandbox'
import { startApplicationController } from '../controllers/application-controller.ts'
import { clientOf, ended, healthAndMetrics, numberOf, portOf, repoServiceOf } from './container-io.ts'

/** argocd-application-controller: keeps Applications equal to Git. */
export async function applicationController(container: Container): Promise<number> {
  const { clock, log, net, pod, signal } = container
  const client = clientOf(container)
  const healSeconds = numberOf(container, 'ARGOCD_APPLICATION_CONTROLLER_SELF_HEAL_TIMEOUT_SECONDS')
  const processors = numberOf(container, 'ARGOCD_APPLICATION_CONTROLLER_STATUS_PROCESSORS')
  const controller = startApplicationController({
    client, clock, log, signal, namespace: pod.namespace, repo: repoServiceOf(container, 'ARGOCD_APPLICATION_CONTROLLER_REPO_SERVER'),
    ...(healSeconds === undefined ? {} : { selfHealTimeout: healSeconds * 1_000 }), ...(processors === undefined ? {} : { concurrency: processors }),
  })
  let started = false
  controller.started.then(() => { started = true }, () => undefined)
  await using _metrics = await net.listen(portOf(container, 'metrics-port', 8082), { handler: healthAndMetrics(() => controller.metricsText(), () => started) })
  return await ended(container)
}
