import { ApiError, type PodDisruptionBudget } from '@idp/api'
import { matchesLabelSelector, type AnyObject, type LabelSelector } from '@idp/formats'
import { answerJson } from '../answer.ts'
import { cloneJson, fieldAt, isRecord } from '../json-value.ts'
import { notFound } from '../object-storage.ts'
import type { ResourceRequest } from '../server-context.ts'
import { deleteObject } from '../verbs/delete.ts'
import { contentTypeOf, parseBody, readBody } from '../verbs/request-body.ts'

/** POST `pods/x/eviction`: a deletion that respects PodDisruptionBudgets. */
export async function evictPod(request: ResourceRequest): Promise<Response> {
  const { server, resource, info } = request
  if (info.verb !== 'create') throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource')
  const body = parseBody(await readBody(request.request), contentTypeOf(request.request))
  const pod = server.storage.find(resource, info)
  if (pod === undefined) throw notFound(resource, info.name)
  const options = isRecord(body) && isRecord(body['deleteOptions']) ? body['deleteOptions'] : {}
  const dryRun = Array.isArray(options['dryRun']) && options['dryRun'].includes('All')
  if (!isEnded(pod)) await takeFromBudget(request, pod, dryRun)
  const inner = new Request(request.request.url, { method: 'DELETE', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ kind: 'DeleteOptions', apiVersion: 'v1', ...options }) })
  await deleteObject({ ...request, request: inner, info: { ...info, verb: 'delete', subresource: '' } })
  return answerJson({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }, 201)
}

function isEnded(pod: AnyObject): boolean {
  const phase = fieldAt(pod, ['status', 'phase'])
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending' || pod.metadata.deletionTimestamp !== undefined
}

async function takeFromBudget({ server, info }: ResourceRequest, pod: AnyObject, dryRun: boolean): Promise<void> {
  const resource = server.registry.find('policy', 'v1', 'poddisruptionbudgets')
  if (resource === undefined) return
  const budgets = (server.storage.list(resource, info.namespace) as unknown as PodDisruptionBudget[])
    .filter(({ spec }) => spec?.selector !== undefined && matchesLabelSelector(spec.selector as LabelSelector, pod.metadata.labels ?? {}))
  if (budgets.length > 1) throw new ApiError('InternalError', 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.')
  const name = budgets[0]?.metadata.name
  for (let attempt = 0; name !== undefined && attempt < 8; attempt++) {
    const entry = server.storage.entry(resource, { namespace: info.namespace, name })
    if (entry === undefined) return
    const next = cloneJson(server.storage.codec.object(entry)) as unknown as PodDisruptionBudget
    if ((next.status?.disruptionsAllowed ?? 0) <= 0) {
      throw new ApiError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
        details: { causes: [{ reason: 'DisruptionBudget', message: `The disruption budget ${name} needs ${next.status?.desiredHealthy ?? 0} healthy pods and has ${next.status?.currentHealthy ?? 0} currently` }] },
      })
    }
    if (dryRun || next.status === undefined) return
    next.status.disruptionsAllowed = (next.status.disruptionsAllowed ?? 0) - 1
    next.status.disruptedPods = { ...next.status.disruptedPods, [info.name]: new Date(server.clock.now()).toISOString() }
    if ((await server.storage.replace(resource, entry, next as unknown as AnyObject)) !== undefined) return
  }
}
