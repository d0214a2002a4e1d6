import type { Kind } from '@idp/api'
import type { KubeObject } from '@idp/formats'
import { podName } from '../engine/names.ts'
import type { Workflow } from '../kinds/workflow.ts'
import type { Asked } from './answer.ts'

const encoder = new TextEncoder()

/** The logs of a workflow's pods, or of one, as upstream streams them: one JSON object a line. */
export async function logResponse({ client, url }: Asked, workflow: Workflow, only: string | undefined): Promise<Response> {
  const { name = '', namespace = '' } = workflow.metadata
  const container = url.searchParams.get('logOptions.container') ?? 'main'
  const tail = url.searchParams.get('logOptions.tailLines')
  const pods = Object.values(workflow.status?.nodes ?? {}).filter(({ type }) => type === 'Pod').sort((a, b) => ((a.startedAt ?? '') < (b.startedAt ?? '') ? -1 : 1)).map((node) => podName(name, node.name, node.templateName ?? ''))
  const lines: string[] = []
  for (const pod of only === undefined || only === '' ? pods : [only]) {
    const response = await client.request(`/api/v1/namespaces/${namespace}/pods/${encodeURIComponent(pod)}/log?container=${encodeURIComponent(container)}${tail === null ? '' : `&tailLines=${Number(tail)}`}`)
    const text = await response.text()
    // A pod that podGC took has no log any more; upstream leaves it out as well.
    if (response.ok) for (const content of text.replace(/\n$/, '').split('\n')) lines.push(JSON.stringify({ result: { content, podName: pod } }))
  }
  return new Response(lines.length === 0 ? '' : `${lines.join('\n')}\n`, { headers: { 'content-type': 'application/json' } })
}

/** Changes of a kind as server-sent events, each an object `{result: {type, object}}`. */
export async function watchResponse<T extends KubeObject>({ client, request, signal, url }: Asked, kind: Kind<T>, namespace: string | undefined): Promise<Response> {
  const get = (name: string): string | undefined => url.searchParams.get(`listOptions.${name}`) ?? undefined
  const [labelSelector, fieldSelector, asked] = [get('labelSelector'), get('fieldSelector'), get('resourceVersion')]
  const filters = { ...(namespace === undefined || namespace === '' ? {} : { namespace }), ...(labelSelector === undefined ? {} : { labelSelector }), ...(fieldSelector === undefined ? {} : { fieldSelector }) }
  const resourceVersion = asked ?? (await client.list(kind, { ...filters, limit: 1 })).metadata.resourceVersion
  const ended = new AbortController()
  const both = AbortSignal.any([signal, request.signal, ended.signal])
  const events = client.watch(kind, { ...filters, resourceVersion, signal: both })[Symbol.asyncIterator]()
  return new Response(new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await events.next().catch(() => ({ value: undefined, done: true as const }))
      if (done === true || value === undefined) controller.close()
      else if (value.type !== 'BOOKMARK') controller.enqueue(encoder.encode(`data: ${JSON.stringify({ result: { type: value.type, object: value.object } })}\n\n`))
    },
    cancel: () => ended.abort(),
  }), { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' } })
}
