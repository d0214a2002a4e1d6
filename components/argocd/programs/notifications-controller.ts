import type { Container } from '@idp/sandbox'
import { ended, healthAndMetrics, portOf } from './container-io.ts'

/** argocd-notifications-controller: so far it only says that it sends nothing. */
export async function notificationsController(container: Container): Promise<number> {
  await using _metrics = await container.net.listen(portOf(container, 'metrics-port', 9001), { handler: healthAndMetrics(() => '') })
  container.log.warn('notifications are not sent yet: triggers, templates and services of argocd-notifications-cm are not read')
  return await ended(container)
}
