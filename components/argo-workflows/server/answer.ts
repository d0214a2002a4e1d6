import { ApiError, apiVersionOf, isApiError, Pod, type Kind } from '@idp/api'
import type { Client } from '@idp/client'
import type { JsonObject, KubeObject } from '@idp/formats'
import { messageOf, type Clock } from '@idp/kit'
import { isOver } from '../engine/operate.ts'
import { resubmitted, resumed, retried, submitted, type SubmitOptions } from '../engine/retry-workflow.ts'
import { ClusterWorkflowTemplateKind, CronWorkflowKind, WorkflowKind, WorkflowTemplateKind, type CronWorkflow, type Workflow } from '../kinds/workflow.ts'
import { logResponse, watchResponse } from './streams.ts'

export interface Asked { readonly client: Client; readonly clock: Clock; readonly request: Request; readonly url: URL; /** Parts of the path after `/api/v1/`. */ readonly path: readonly string[]; readonly signal: AbortSignal }

const version = { version: 'v3.7.3', buildDate: '', gitCommit: '', gitTag: 'v3.7.3', gitTreeState: 'clean', goVersion: '', compiler: 'idp', platform: 'idp stand-in' }
/** What upstream's gateway calls these: gRPC code and HTTP status. */
const codes: Readonly<Record<string, number>> = { 400: 3, 401: 16, 403: 7, 404: 5, 409: 6, 422: 3, 501: 12 }

export const problem = (status: number, message: string): Response => Response.json({ code: codes[status] ?? 13, message }, { status })

/** Collections other than workflows: path, kind, and the field of the request's body that has the object. */
const collections: Readonly<Record<string, { readonly kind: Kind<KubeObject>; readonly field: string }>> = {
  'workflow-templates': { kind: WorkflowTemplateKind as unknown as Kind<KubeObject>, field: 'template' },
  'cluster-workflow-templates': { kind: ClusterWorkflowTemplateKind as unknown as Kind<KubeObject>, field: 'template' },
  'cron-workflows': { kind: CronWorkflowKind as unknown as Kind<KubeObject>, field: 'cronWorkflow' },
}

/** The REST API that the `argo` command and the page use. */
export async function answerApi(asked: Asked): Promise<Response> {
  try {
    const [first = ''] = asked.path
    if (first === 'version') return Response.json(version)
    if (first === 'info') return Response.json({ managedNamespace: '', links: [], navColor: '', columns: [], modals: {} })
    if (first === 'userinfo') return Response.json({})
    if (first === 'workflows') return await workflows(asked)
    if (first === 'workflow-events') return await watchResponse(asked, WorkflowKind, asked.path[1])
    const collection = Object.hasOwn(collections, first) ? collections[first] : undefined
    if (collection !== undefined) return await stored(asked, collection)
    return problem(501, `${asked.url.pathname} is not implemented here`)
  } catch (error) {
    if (error instanceof ApiError) return problem(error.code, error.message)
    return problem(error instanceof SyntaxError ? 400 : 500, messageOf(error))
  }
}

const query = (url: URL): { labelSelector?: string; fieldSelector?: string; limit?: number } => {
  const get = (name: string): string | null => url.searchParams.get(`listOptions.${name}`)
  const [labelSelector, fieldSelector, limit] = [get('labelSelector'), get('fieldSelector'), get('limit')]
  return { ...(labelSelector === null ? {} : { labelSelector }), ...(fieldSelector === null ? {} : { fieldSelector }), ...(limit === null ? {} : { limit: Number(limit) }) }
}

async function listed<T extends KubeObject>(client: Client, kind: Kind<T>, namespace: string | undefined, url: URL): Promise<Response> {
  const list = await client.list(kind, { ...query(url), ...(namespace === undefined || namespace === '' ? {} : { namespace }) })
  return Response.json({ metadata: list.metadata, items: list.items.map((item) => ({ ...item, apiVersion: apiVersionOf(kind), kind: kind.kind })) })
}

async function workflows(asked: Asked): Promise<Response> {
  const { client, request, url, path: [, namespace = '', name, action, more] } = asked
  const body = async <T>(): Promise<T> => await request.json() as T
  if (name === undefined || name === '') {
    if (request.method === 'GET') return listed(client, WorkflowKind, namespace, url)
    if (request.method !== 'POST') return problem(501, `${request.method} ${url.pathname} is not implemented here`)
    const { workflow } = await body<{ workflow: Workflow }>()
    return Response.json(await client.create(WorkflowKind, { ...workflow, apiVersion: 'argoproj.io/v1alpha1', kind: 'Workflow', metadata: { ...workflow.metadata, namespace: workflow.metadata.namespace ?? namespace } }))
  }
  if (request.method === 'POST' && name === 'submit') return submit(asked, namespace, await body())
  if (request.method === 'DELETE' && action === undefined) {
    await client.delete(WorkflowKind, name, { namespace, propagationPolicy: 'Background' })
    return Response.json({})
  }
  const workflow = await client.get(WorkflowKind, name, { namespace })
  if (request.method === 'GET' && action === undefined) return Response.json(workflow)
  if (request.method === 'GET' && (action === 'log' || more === 'log')) return logResponse(asked, workflow, action === 'log' ? url.searchParams.get('podName') ?? undefined : action)
  if (request.method === 'PUT' && action !== undefined) return change(asked, workflow, action)
  return problem(501, `${request.method} ${url.pathname} is not implemented here`)
}

async function submit({ client }: Asked, namespace: string, { resourceKind, resourceName, submitOptions }: { resourceKind: string; resourceName: string; submitOptions?: SubmitOptions }): Promise<Response> {
  const cron = /^cron/i.test(resourceKind) ? await client.get(CronWorkflowKind, resourceName, { namespace }) as CronWorkflow : undefined
  // A template that is not there is said here, as upstream does, not by a workflow that fails.
  if (cron === undefined) await (/^(cwft|cluster)/i.test(resourceKind) ? client.get(ClusterWorkflowTemplateKind, resourceName) : client.get(WorkflowTemplateKind, resourceName, { namespace }))
  return Response.json(await client.create(WorkflowKind, submitted(resourceKind, resourceName, namespace, submitOptions, cron?.spec.workflowSpec)))
}

async function change({ client, clock, request }: Asked, workflow: Workflow, action: string): Promise<Response> {
  const { name = '', namespace } = workflow.metadata
  const patch = async (spec: JsonObject): Promise<Response> => Response.json(await client.patch(WorkflowKind, name, { spec }, { namespace, type: 'merge', fieldManager: 'argo-server' }))
  const over = isOver(workflow)
  switch (action) {
    case 'suspend': return over ? problem(400, 'cannot suspend a completed workflow') : patch({ suspend: true })
    case 'stop': case 'terminate': return over ? problem(400, `cannot shutdown a completed workflow: workflow: "${name}", namespace: "${namespace ?? ''}"`) : patch({ shutdown: action === 'stop' ? 'Stop' : 'Terminate' })
    case 'resume': {
      const { nodeFieldSelector } = await request.json().catch(() => ({})) as { nodeFieldSelector?: string }
      const display = /displayName=([^,]+)/.exec(nodeFieldSelector ?? '')?.[1]
      return Response.json(await client.update(WorkflowKind, resumed(workflow, clock.now(), (node) => display === undefined || node.displayName === display)))
    }
    case 'resubmit': return Response.json(await client.create(WorkflowKind, resubmitted(workflow)))
    case 'retry': {
      if (workflow.status?.phase !== 'Failed' && workflow.status?.phase !== 'Error') return problem(400, 'workflow must be Failed/Error to retry')
      const again = retried(workflow)
      for (const pod of again.pods) await client.delete(Pod, pod, { namespace, gracePeriodSeconds: 0 }).catch((error: unknown) => { if (!isApiError(error, 'NotFound')) throw error })
      return Response.json(await client.update(WorkflowKind, again.workflow))
    }
    default: return problem(501, `${action} of a workflow is not implemented here`)
  }
}

async function stored({ client, request, url, path }: Asked, { kind, field }: { kind: Kind<KubeObject>; field: string }): Promise<Response> {
  const cluster = kind.scope === 'Cluster'
  const [namespace, name, action] = cluster ? [undefined, path[1], path[2]] : [path[1], path[2], path[3]]
  const at = namespace === undefined ? {} : { namespace }
  if (name === undefined || name === '') {
    if (request.method === 'GET') return listed(client, kind, namespace, url)
    const body = await request.json() as Record<string, KubeObject>
    const object = body[field]
    if (object === undefined) return problem(400, `the body has no ${field}`)
    return Response.json(await client.create(kind, { ...object, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { ...object.metadata, ...at } }))
  }
  if (request.method === 'GET') return Response.json(await client.get(kind, name, at))
  if (request.method === 'DELETE') { await client.delete(kind, name, at); return Response.json({}) }
  if (request.method === 'PUT' && (action === 'suspend' || action === 'resume')) return Response.json(await client.patch(kind, name, { spec: { suspend: action === 'suspend' } }, { ...at, type: 'merge', fieldManager: 'argo-server' }))
  if (request.method === 'PUT') {
    const object = (await request.json() as Record<string, KubeObject>)[field]
    return object === undefined ? problem(400, `the body has no ${field}`) : Response.json(await client.update(kind, { ...object, apiVersion: apiVersionOf(kind), kind: kind.kind }, at))
  }
  return problem(501, `${request.method} ${url.pathname} is not implemented here`)
}
