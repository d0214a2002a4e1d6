import { ApiError, type Pod } from '@idp/api'
import { notFound } from '../object-storage.ts'
import type { ResourceRequest } from '../server-context.ts'
import type { NodeProxy } from './node-proxy.ts'

/** The pod a subresource request names, with the container it means. Throws ApiError in upstream's words. */
export function podAndContainer(request: ResourceRequest): { readonly pod: Pod; readonly container: string } {
  const { server, resource, info, search } = request
  const found = server.storage.find(resource, info)
  if (found === undefined) throw notFound(resource, info.name)
  const pod = found as unknown as Pod
  const asked = search.get('container') ?? ''
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec
  const all = [...initContainers, ...containers, ...ephemeralContainers].map(({ name }) => name)
  if (asked === '') {
    const [only, ...more] = containers
    const preferred = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container']
    if (more.length > 0 && preferred === undefined) {
      const inits = initContainers.length === 0 ? '' : ` or one of the init containers: [${initContainers.map(({ name }) => name).join(' ')}]`
      throw new ApiError('BadRequest', `a container name must be specified for pod ${info.name}, choose one of: [${containers.map(({ name }) => name).join(' ')}]${inits}`)
    }
    return { pod, container: preferred ?? only?.name ?? '' }
  }
  if (!all.includes(asked)) throw new ApiError('BadRequest', `container ${asked} is not valid for pod ${info.name}`)
  return { pod, container: asked }
}

export function nodesOf({ server }: ResourceRequest): NodeProxy {
  if (server.nodes === undefined) throw new ApiError('ServiceUnavailable', 'no node can be reached from this API server')
  return server.nodes
}
