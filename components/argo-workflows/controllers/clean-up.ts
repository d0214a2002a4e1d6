import { isApiError, Pod } from '@idp/api'
import type { Client } from '@idp/client'
import type { Informer } from '@idp/controller'
import { messageOf, type Clock, type Log } from '@idp/kit'
import { podName } from '../engine/names.ts'
import { labels } from '../engine/pod-object.ts'
import { WorkflowKind, type Node, type Workflow, type WorkflowSpec } from '../kinds/workflow.ts'

const gone = (error: unknown): void => { if (!isApiError(error, 'NotFound')) throw error }

/** Marks the pods of finished nodes as completed, or deletes them, as `podGC` says. */
export async function releasePods({ client, pods, log }: { client: Client; pods: Informer<Pod>; log: Log }, workflow: Workflow, spec: WorkflowSpec, nodes: readonly Node[]): Promise<void> {
  const { namespace, name = '' } = workflow.metadata
  const phase = workflow.status?.phase ?? ''
  const over = ['Succeeded', 'Failed', 'Error'].includes(phase)
  const strategy = spec.podGC?.strategy
  for (const node of nodes) {
    const pod = pods.cache.get(podName(name, node.name, node.templateName ?? ''), namespace)
    if (pod === undefined) continue
    const remove = strategy === 'OnPodCompletion' || (strategy === 'OnPodSuccess' && node.phase === 'Succeeded') || (over && (strategy === 'OnWorkflowCompletion' || (strategy === 'OnWorkflowSuccess' && phase === 'Succeeded')))
    try {
      if (remove) await client.delete(Pod, pod.metadata.name ?? '', { namespace })
      else if (pod.metadata.labels?.[labels.completed] !== 'true') pods.observe(await client.patch(Pod, pod.metadata.name ?? '', { metadata: { labels: { [labels.completed]: 'true' } } }, { namespace, type: 'merge', fieldManager: 'workflow-controller' }))
    } catch (error) {
      if (!isApiError(error, 'NotFound')) log.warn('a pod of a finished step could not be released', { pod: pod.metadata.name, error: messageOf(error) })
    }
  }
}

/** Deletes a finished workflow when its time is over; otherwise says in how many milliseconds that is. */
export async function cleanUp({ client, clock }: { client: Client; clock: Clock; pods: Informer<Pod> }, { metadata, spec, status }: Workflow): Promise<number | undefined> {
  const ttl = spec.ttlStrategy ?? status?.storedWorkflowTemplateSpec?.ttlStrategy
  const seconds = (status?.phase === 'Succeeded' ? ttl?.secondsAfterSuccess : ttl?.secondsAfterFailure) ?? ttl?.secondsAfterCompletion
  if (seconds === undefined) return undefined
  const left = Date.parse(status?.finishedAt ?? '') + seconds * 1000 - clock.now()
  if (left > 0) return left
  await client.delete(WorkflowKind, metadata.name ?? '', { namespace: metadata.namespace, propagationPolicy: 'Background' }).catch(gone)
  return undefined
}
