import { on } from 'node:events'
import type { NetworkOptions } from '@idp/client'
import { CodedError } from '@idp/kit'
import { WebSocket } from 'ws'

export interface ExecTarget { readonly namespace: string; readonly pod: string; readonly container: string; readonly command: readonly string[] }

/** Runs a command in a container, as `kubectl exec` does, and gives what it prints. Throws CodedError `ExecFailed`. */
export type ExecInPod = (target: ExecTarget, signal: AbortSignal) => AsyncIterable<string>

const stdout = 1, status = 3

/** Over WebSocket: subprotocol v5.channel.k8s.io, the first byte of a message is its channel. */
export function execOver({ server, ca, identity, insecure = false, serverName, token }: NetworkOptions & { readonly token?: string | undefined }): ExecInPod {
  return async function* exec({ namespace, pod, container, command }, signal) {
    const query = new URLSearchParams([['container', container], ['stdout', 'true'], ['stderr', 'true'], ...command.map((word): [string, string] => ['command', word])])
    const socket = new WebSocket(`${server.replace(/^http/, 'ws').replace(/\/$/, '')}/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/exec?${query}`, ['v5.channel.k8s.io', 'v4.channel.k8s.io'], {
      rejectUnauthorized: !insecure, ...(ca === undefined ? {} : { ca }), ...identity, ...(serverName === undefined ? {} : { servername: serverName }), ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    })
    const decoder = new TextDecoder()
    try {
      for await (const [data] of on(socket, 'message', { signal, close: ['close'] }) as AsyncIterable<[Buffer]>) {
        if (data[0] === stdout) yield decoder.decode(data.subarray(1), { stream: true })
        else if (data[0] === status) {
          const { status: outcome, message = '' } = JSON.parse(data.subarray(1).toString()) as { status?: string; message?: string }
          if (outcome !== 'Success') throw new CodedError({ code: 'ExecFailed', message: `${command.join(' ')}: ${message}`, where: `Pod ${namespace}/${pod}` })
        }
      }
    } finally {
      // What comes after this is of no interest, an error of a connection that is being closed least of all.
      socket.on('error', () => {})
      socket.terminate()
    }
  }
}
