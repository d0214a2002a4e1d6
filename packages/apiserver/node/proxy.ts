import { ApiError } from '@idp/api'
import { notFound } from '../object-storage.ts'
import type { ResourceRequest } from '../server-context.ts'
import type { SpecialHandler } from '../verbs/route-resource.ts'
import type { ProxyTarget } from './node-proxy.ts'
import { nodesOf } from './running-pod.ts'

/** `proxy` of pods, services and nodes: the request as it came, minus who sent it, to a port inside the cluster. */
export const proxyRequest: SpecialHandler = async (request: ResourceRequest) => {
  const { server, resource, info } = request
  const target = targetOf(request)
  if (server.storage.entry(resource, { namespace: info.namespace, name: target.name }) === undefined) throw notFound(resource, target.name)
  const nodes = nodesOf(request)
  if (nodes.proxy === undefined) throw new ApiError('ServiceUnavailable', 'the nodes of this API server do not proxy')
  const url = new URL(request.request.url)
  const path = `${info.rest === '' ? '/' : info.rest}${url.pathname.endsWith('/') && info.rest !== '' ? '/' : ''}${url.search}`
  const headers = new Headers(request.request.headers)
  for (const name of ['authorization', 'host', 'connection', 'content-length', 'transfer-encoding', 'accept-encoding']) headers.delete(name)
  const { method } = request.request
  const body = method === 'GET' || method === 'HEAD' ? undefined : await request.request.arrayBuffer()
  try {
    return await nodes.proxy(target, path, { method, headers, signal: request.request.signal, redirect: 'manual', ...(body === undefined ? {} : { body }) })
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError('ServiceUnavailable', `error trying to reach service: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** `[scheme:]name[:port]`. */
function targetOf({ info }: ResourceRequest): ProxyTarget {
  const parts = info.name.split(':')
  const [scheme, name, port] = parts.length === 3 ? parts : parts.length === 2 ? ['', ...parts] : ['', parts[0], '']
  return { kind: info.resource as ProxyTarget['kind'], namespace: info.namespace, name: name ?? '', port: port ?? '', scheme: scheme === 'https' ? 'https' : 'http' }
}
