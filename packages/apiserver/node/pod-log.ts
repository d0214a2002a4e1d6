import { ApiError } from '@idp/api'
import type { ResourceRequest } from '../server-context.ts'
import { isTrue } from '../request-info.ts'
import { nodesOf, podAndContainer } from './running-pod.ts'

/** GET `pods/x/log`. */
export async function podLog(request: ResourceRequest): Promise<Response> {
  if (request.info.verb !== 'get') throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource')
  const { pod, container } = podAndContainer(request)
  const { search } = request
  if ((pod.spec.nodeName ?? '') === '') {
    return new Response('', { headers: { 'content-type': 'text/plain' } })
  }
  const flag = (name: string) => search.has(name) && isTrue(search.get(name))
  const number = (name: string) => {
    const text = search.get(name)
    if (text === null || text === '') return undefined
    const value = Number(text)
    if (!Number.isInteger(value) || value < 0) throw new ApiError('Invalid', `PodLogOptions "${request.info.name}" is invalid: ${name}: Invalid value: ${JSON.stringify(text)}: must be greater than or equal to 0`)
    return value
  }
  const sinceSeconds = number('sinceSeconds')
  const tailLines = number('tailLines')
  const limitBytes = number('limitBytes')
  const sinceTime = search.get('sinceTime')
  return nodesOf(request).logs(pod, {
    container, follow: flag('follow'), previous: flag('previous'), timestamps: flag('timestamps'), signal: request.request.signal,
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }), ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }), ...(sinceTime === null || sinceTime === '' ? {} : { sinceTime }),
  })
}
