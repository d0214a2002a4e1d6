import { ApiError, type Pod } from '@idp/api'
import type { NodeProxy } from '@idp/apiserver'
import type { Nodes, PodReference } from '@idp/sandbox'

/** The API server's way to the nodes; they start after it, and answer from then on. */
export function nodeProxy(nodes: () => Nodes | undefined): NodeProxy {
  const started = () => {
    const found = nodes()
    if (found === undefined) throw new ApiError('ServiceUnavailable', 'the nodes of the cluster are starting')
    return found
  }
  const reference = (pod: Pod, container: string): PodReference => ({ namespace: pod.metadata.namespace ?? '', name: pod.metadata.name ?? '', container })
  return {
    async logs(pod, { container, signal, ...query }) {
      const lines = await started().logs(reference(pod, container), query)
      const reader = lines.getReader()
      const body = new ReadableStream<Uint8Array>({
        start: () => signal.addEventListener('abort', () => void reader.cancel().catch(() => {}), { once: true }),
        async pull(controller) {
          const { done, value } = await reader.read()
          if (done) controller.close()
          else controller.enqueue(value)
        },
        cancel: (reason) => reader.cancel(reason),
      }, { highWaterMark: 0 })
      return new Response(body, { headers: { 'content-type': 'text/plain' } })
    },
    exec: (pod, { container, command, tty }, { stdin, stdout, stderr }) => started().exec(reference(pod, container), command, { stdin, stdout, stderr: tty ? stdout : stderr, tty }),
    async attach(pod, { container, tty }, { stdin, stdout, stderr }) {
      await started().attach(reference(pod, container), { stdin, stdout, stderr: tty ? stdout : stderr, tty })
    },
    portForward: (pod, port) => started().portForward(reference(pod, ''), port),
  }
}
