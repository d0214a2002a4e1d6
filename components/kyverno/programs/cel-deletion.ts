import { isApiError, Namespace, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import { informer, type Informer } from '@idp/controller'
import type { AnyObject } from '@idp/formats'
import { messageOf, rfc3339 } from '@idp/kit'
import type { Container } from '@idp/sandbox'
import { evaluateCel } from '../engine/cel/evaluate-cel.ts'
import { celKinds } from '../engine/matched-kinds.ts'
import { celPolicyKinds, type CelPolicy } from '../kinds/cel-policy.ts'
import { watchCelPolicies } from './cel-policies.ts'
import { schedulePolicies, type Scheduled } from './policy-scheduler.ts'

type Deleting = CelPolicy & Scheduled

/** Carries out DeletingPolicies at the times of their schedules: deletes every resource their constraints are about and whose conditions hold. */
export function followCelDeletion(container: Pick<Container, 'clock' | 'log' | 'signal' | 'net'>, client: Client): void {
  const { clock, log, signal } = container
  const cel = watchCelPolicies(container, client)
  const namespaces = informer(client, Namespace, { signal, clock, log })
  const clean = async (own: Kind<Deleting>, policy: Deleting): Promise<void> => {
    const named = { ...policy, apiVersion: `${own.group}/${own.version}`, kind: own.kind }
    await cel.synced
    for (const kind of celKinds(named, cel.served()) as unknown as readonly Kind<AnyObject>[]) {
      const { items } = await client.list(kind, policy.metadata.namespace === undefined ? {} : { namespace: policy.metadata.namespace })
      for (const item of items) {
        const object = { ...item, apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`, kind: kind.kind } as AnyObject
        if (object.metadata.deletionTimestamp !== undefined) continue
        const outcome = await evaluateCel(named, { object, namespaceLabels: namespaces.cache.get(object.metadata.namespace ?? '')?.metadata.labels ?? {} }, cel.world())
        if (outcome?.verdict === 'error') log.warn('a deleting policy could not be decided', { policy: policy.metadata.name, object: object.metadata.name, error: outcome.message })
        if (outcome?.verdict === 'pass' && outcome.rule === undefined) await remove(kind, object, policy)
      }
    }
    await client.patch(own, policy.metadata.name ?? '', { status: { lastExecutionTime: rfc3339(clock.now()) } } as never, { namespace: policy.metadata.namespace, type: 'merge', subresource: 'status', fieldManager: 'kyverno' })
      .catch((error: unknown) => { if (!isApiError(error, 'NotFound')) throw error })
  }
  const remove = async (kind: Kind<AnyObject>, { metadata: { name = '', namespace, uid } }: AnyObject, { metadata, spec: { deletionPropagationPolicy } }: Deleting): Promise<void> => {
    try {
      await client.delete(kind, name, { namespace, ...(uid === undefined ? {} : { preconditions: { uid } }), ...(deletionPropagationPolicy === undefined ? {} : { propagationPolicy: deletionPropagationPolicy as never }) })
      log.info('deleted by policy', { policy: metadata.name, kind: kind.kind, namespace, name })
    } catch (error) {
      if (!isApiError(error, 'NotFound')) log.warn('a resource could not be deleted', { policy: metadata.name, kind: kind.kind, namespace, name, error: messageOf(error) })
    }
  }
  for (const kind of celPolicyKinds.filter((one) => one.kind.endsWith('DeletingPolicy')) as unknown as readonly Kind<Deleting>[]) {
    const view: Informer<Deleting> = informer(client, kind, { signal, clock, log })
    schedulePolicies(view, { clock, log, signal, run: (policy) => clean(kind, policy) })
  }
}
