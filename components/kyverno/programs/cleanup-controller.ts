import { CustomResourceDefinition, isApiError, Namespace, type Kind } from '@idp/api'
import { createEventRecorder, informer, type Informer } from '@idp/controller'
import type { AnyObject, KubeObject } from '@idp/formats'
import { CodedError, messageOf, rfc3339 } from '@idp/kit'
import { untilAborted, type Container } from '@idp/sandbox'
import { cleansUp } from '../engine/cleanup.ts'
import { kindsMatching, kindsOf } from '../engine/webhook-rules.ts'
import { CleanupPolicy, ClusterCleanupPolicy, type CleanupPolicyObject } from '../kinds/cleanup-policy.ts'
import { apiContext } from './api-context.ts'
import { followCelDeletion } from './cel-deletion.ts'
import { createMetrics } from './metrics.ts'
import { schedulePolicies } from './policy-scheduler.ts'
import { createTtlManager } from './ttl-manager.ts'

const help = {
  kyverno_cleanup_controller_deletedobjects_total: 'Objects that cleanup policies deleted.', kyverno_cleanup_controller_errors_total: 'Deletions that failed.',
  kyverno_ttl_controller_deletedobjects_total: 'Objects deleted at the end of their time.', kyverno_ttl_controller_errors_total: 'Such deletions that failed.',
}

/** kyverno-cleanup-controller: deletes what cleanup policies name at the times of their schedules, and objects with a TTL label when they are due. */
export async function cleanupController(container: Container): Promise<number> {
  const { client, clock, log, net, signal, pod } = container
  if (client === undefined) throw new CodedError({ code: 'NoServiceAccount', message: 'the pod has no service account token', where: pod.name })
  const metrics = createMetrics(help)
  const watch = <T extends KubeObject>(kind: Kind<T>): Informer<T> => informer(client, kind, { signal, clock, log })
  const [cluster, namespaced, namespaces, definitions] = [watch(ClusterCleanupPolicy), watch(CleanupPolicy), watch(Namespace), watch(CustomResourceDefinition)]
  await using _metrics = await net.listen(8000, { handler: () => new Response(metrics.text(), { headers: { 'content-type': 'text/plain; version=0.0.4' } }) })
  await Promise.all([cluster.synced, namespaced.synced, namespaces.synced])
  const recorder = createEventRecorder({ client, clock, log, signal, component: 'kyverno-cleanup' })
  const source = apiContext(client)

  const remove = async (policy: CleanupPolicyObject, kind: Kind<AnyObject>, object: AnyObject): Promise<void> => {
    const { name = '', namespace, uid } = object.metadata
    const labels = { policy_type: policy.kind === 'ClusterCleanupPolicy' ? 'cluster' : 'namespaced', policy_namespace: policy.metadata.namespace ?? '', policy_name: policy.metadata.name ?? '', resource_kind: kind.kind, resource_namespace: namespace ?? '' }
    const at = `${kind.kind}/${namespace ?? ''}/${name}`
    try {
      const propagationPolicy = policy.spec.deletionPropagationPolicy
      await client.delete(kind, name, { namespace, ...(uid === undefined ? {} : { preconditions: { uid } }), ...(propagationPolicy === undefined ? {} : { propagationPolicy }) })
      metrics.count('kyverno_cleanup_controller_deletedobjects_total', labels)
      recorder.event({ object: policy }, 'Normal', 'PolicyApplied', `successfully cleaned up the target resource ${at}`)
    } catch (error) {
      if (isApiError(error, 'NotFound')) return
      metrics.count('kyverno_cleanup_controller_errors_total', labels)
      recorder.event({ object: policy }, 'Warning', 'PolicyError', `failed to clean up the target resource ${at}: ${messageOf(error)}`)
    }
  }
  const clean = async (policy: CleanupPolicyObject): Promise<void> => {
    const served = await client.kinds()
    const kinds = new Set(kindsOf(policy.spec.match).flatMap((pattern) => kindsMatching(pattern, served))) as unknown as ReadonlySet<Kind<AnyObject>>
    for (const kind of kinds) {
      const { items } = await client.list(kind, policy.metadata.namespace === undefined ? {} : { namespace: policy.metadata.namespace })
      for (const item of items) {
        const object = { ...item, apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`, kind: kind.kind } as AnyObject
        if (object.metadata.deletionTimestamp !== undefined || object.metadata.labels?.['app.kubernetes.io/managed-by'] === 'kyverno') continue
        try {
          const namespaceLabels = namespaces.cache.get(object.metadata.namespace ?? '')?.metadata.labels ?? {}
          if (await cleansUp(policy, object, { source, namespaceLabels })) await remove(policy, kind, object)
        } catch (error) {
          log.warn('a cleanup policy could not be decided', { policy: policy.metadata.name, object: object.metadata.name, error: messageOf(error) })
        }
      }
    }
    const own = policy.kind === 'ClusterCleanupPolicy' ? ClusterCleanupPolicy : CleanupPolicy
    await client.patch(own, policy.metadata.name ?? '', { status: { lastExecutionTime: rfc3339(clock.now()) } }, { namespace: policy.metadata.namespace, type: 'merge', subresource: 'status', fieldManager: 'kyverno' })
      .catch((error: unknown) => { if (!isApiError(error, 'NotFound')) throw error })
  }
  for (const view of [cluster, namespaced]) schedulePolicies(view, { clock, log, signal, run: clean })

  followCelDeletion(container, client)
  const ttl = createTtlManager({ client, clock, log, signal, metrics })
  const follow = (): void => void ttl.follow().catch((error: unknown) => {
    if (signal.aborted) return
    log.warn('kinds could not be listed; trying again', { error: messageOf(error) })
    clock.timer(5_000, follow)
  })
  let soon: Disposable | undefined
  definitions.onChange(({ before, after }) => {
    if (before?.metadata.generation === after?.metadata.generation) return
    soon?.[Symbol.dispose]()
    soon = clock.timer(1_000, follow)
  })
  follow()
  log.info('kyverno cleanup controller is ready')
  await untilAborted(signal)
  return 0
}
