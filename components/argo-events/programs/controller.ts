import { createManager } from '@idp/controller'
import { CodedError } from '@idp/kit'
import type { Container } from '@idp/sandbox'
import { controllers } from '../controllers/deploy.ts'

/** The controller manager: EventBus, EventSource and Sensor become workloads that run this very image. */
export async function controller({ client, clock, log, net, pod, signal }: Container): Promise<number> {
  if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: pod.name })
  let ready = false
  await using _health = await net.listen(8081, { handler: () => new Response(ready ? 'ok\n' : 'not ready\n', { status: ready ? 200 : 503 }) })
  await using _metrics = await net.listen(7777, { handler: () => new Response(`# HELP argo_events_controller_ready 1 when the controllers work.\n# TYPE argo_events_controller_ready gauge\nargo_events_controller_ready ${ready ? 1 : 0}\n`, { headers: { 'content-type': 'text/plain; version=0.0.4' } }) })
  const manager = createManager({ client, clock, log, signal, name: 'argo-events', controllers: controllers(pod.image) })
  await manager.started.catch((error: unknown) => { if (!signal.aborted) throw error })
  ready = true
  log.info('argo-events controllers are ready')
  await manager.done
  return signal.aborted ? 0 : 1
}
