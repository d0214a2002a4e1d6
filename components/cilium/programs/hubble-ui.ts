import { untilAborted, type Program } from '@idp/sandbox'
import { grpcClient } from '../grpc/grpc-client.ts'
import type { Message } from '../grpc/protobuf.ts'
import { getFlowsRequest, getFlowsResponse } from '../hubble/messages.ts'
import { page } from '../hubble/ui-page.ts'

const backendPort = 8090

/** The page of Hubble; what it shows comes from the backend of the same pod. */
export const hubbleUi: Program = {
  images: ['quay.io/cilium/hubble-ui'],
  async main({ net, log, signal }) {
    await using _listening = await net.listen(8081, {
      handler(request) {
        const { pathname, search } = new URL(request.url)
        if (pathname === '/healthz') return new Response('ok\n')
        if (pathname.startsWith('/api/')) return net.fetch(`http://localhost:${backendPort}${pathname}${search}`, { signal: request.signal })
        if (pathname !== '/') return new Response('not found\n', { status: 404 })
        return new Response(page, { headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'" } })
      },
    })
    log.info('hubble-ui is ready')
    await untilAborted(signal)
    return 0
  },
}

/** Flows of the relay as server-sent events: `/api/flows?namespace=&verdict=&last=`. It asks the relay only while somebody looks. */
export const hubbleUiBackend: Program = {
  images: ['quay.io/cilium/hubble-ui-backend'],
  async main({ net, env, log, signal }) {
    const [host = 'hubble-relay', port = '80'] = (env['FLOWS_API_ADDR'] ?? 'hubble-relay:80').split(':')
    await using _listening = await net.listen(backendPort, {
      async handler(request) {
        const { pathname, searchParams } = new URL(request.url)
        if (pathname === '/healthz') return new Response('ok\n')
        if (pathname !== '/api/flows') return new Response('not found\n', { status: 404 })
        const client = grpcClient(await net.connect({ host, port: Number(port) }), host)
        const ended = new AbortController()
        const flows = client.call('/observer.Observer/GetFlows', { request: getFlowsRequest, response: getFlowsResponse }, wanted(searchParams), AbortSignal.any([request.signal, ended.signal, signal]))
        const stream = new ReadableStream<Uint8Array>({
          async pull(controller) {
            const next = await flows.next().catch((error: unknown) => ({ done: true as const, value: undefined, error }))
            if (next.done === true) {
              client[Symbol.dispose]()
              controller.close()
            } else controller.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(next.value)}\n\n`))
          },
          cancel() {
            ended.abort()
            client[Symbol.dispose]()
          },
        })
        return new Response(stream, { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' } })
      },
    })
    log.info('hubble-ui-backend is ready', { relay: `${host}:${port}` })
    await untilAborted(signal)
    return 0
  },
}

function wanted(query: URLSearchParams): Message {
  const [namespace, verdict] = [query.get('namespace') ?? '', query.get('verdict') ?? '']
  const base = verdict === '' ? {} : { verdict: [verdict] }
  const whitelist = namespace === '' ? [base] : [{ ...base, source_pod: [`${namespace}/`] }, { ...base, destination_pod: [`${namespace}/`] }]
  return { number: String(Math.min(Number(query.get('last') ?? 200) || 200, 1_000)), follow: query.get('follow') !== 'false', whitelist }
}
