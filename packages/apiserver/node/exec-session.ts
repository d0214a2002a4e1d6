import { ApiError, type Status } from '@idp/api'
import { apiErrorOf } from '../answer.ts'
import { isTrue } from '../request-info.ts'
import type { ResourceRequest } from '../server-context.ts'
import type { ExecStreams } from './node-proxy.ts'
import { nodesOf, podAndContainer } from './running-pod.ts'

/** What an exec or attach request asks for; checked before the connection is taken over. */
export interface ExecSession {
  readonly tty: boolean
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  /** Runs it and returns what the error channel says at the end. Never throws. */
  run(streams: ExecStreams, signal: AbortSignal): Promise<Partial<Status>>
}

export function execSession(request: ResourceRequest): ExecSession {
  const { search, info, server } = request
  const { pod, container } = podAndContainer(request)
  const nodes = nodesOf(request)
  const command = search.getAll('command')
  if (info.subresource === 'exec' && command.length === 0) throw new ApiError('BadRequest', 'you must specify at least one command for the container')
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') throw new ApiError('BadRequest', `cannot exec into a container in a completed pod; current phase is ${pod.status.phase}`)
  const flag = (name: string) => search.has(name) && isTrue(search.get(name))
  const options = { container, tty: flag('tty'), stdin: flag('stdin') }
  return {
    ...options, stdout: flag('stdout'), stderr: flag('stderr') && !options.tty,
    async run(streams, signal) {
      try {
        if (info.subresource === 'exec') return exitStatus(await nodes.exec(pod, { ...options, command, signal }, streams))
        await nodes.attach(pod, { ...options, signal }, streams)
        return exitStatus(0)
      } catch (error) {
        return apiErrorOf(error, server.log).toStatus()
      }
    },
  }
}

/** kubectl takes its own exit code from this. */
function exitStatus(code: number): Partial<Status> {
  if (code === 0) return { metadata: {}, status: 'Success' }
  return {
    metadata: {}, status: 'Failure', reason: 'NonZeroExitCode' as never, message: `command terminated with non-zero exit code: exit status ${code}`,
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  }
}
