import { inFaultScope, type Container, type ExecIo, type Net, type Program } from '@idp/sandbox'
import { CodedError, isCoded, messageOf, rfc3339, type Clock } from '@idp/kit'
import type { ContainerLog } from './container-log.ts'
import type { TerminatedState } from './pod-spec.ts'

/** One run of a container. */
export interface ContainerInstance {
  readonly id: string
  readonly startedAt: number
  readonly log: ContainerLog
  readonly container: Container
  readonly program: Program
  /** Resolves when it has ended and everything it held is released. Never rejects. */
  readonly ended: Promise<TerminatedState>
  /** SIGTERM: aborts the container's signal. */
  stop(): void
  /** SIGKILL: takes its network away and ends it with code 137, whatever the program does. */
  kill(): void
}

export interface InstanceOptions {
  readonly id: string
  readonly program: Program
  readonly log: ContainerLog
  readonly clock: Clock
  readonly net: Net & Disposable
  /** Everything of the container but what the instance owns. */
  readonly container: Omit<Container, 'signal' | 'net'>
  /** The termination message, asked for when it has ended. */
  terminationMessage(exitCode: number): Promise<string>
}

const crashed = 1
const killed = 137
const terminated = 143

/** Starts a program as a container. */
export function startInstance(options: InstanceOptions): ContainerInstance {
  const { id, program, log, clock, net } = options
  const stopping = new AbortController()
  const killing = Promise.withResolvers<number>()
  const startedAt = clock.now()
  const container: Container = { ...options.container, net, signal: stopping.signal }
  const run = async (): Promise<TerminatedState> => {
    // An error that the program lets escape from a callback ends this container, not the process.
    const scope = {
      fail(error: unknown) {
        for (const line of describe(error)) log.write('stderr', line)
        killing.resolve(crashed)
      },
    }
    const code = await Promise.race([inFaultScope(scope, () => runProgram(program, container, log)), killing.promise])
    const finishedAt = clock.now()
    stopping.abort(new CodedError({ code: 'ContainerEnded', message: 'the container has ended' }))
    net[Symbol.dispose]()
    const message = await options.terminationMessage(code)
    await log[Symbol.asyncDispose]()
    return {
      exitCode: code, reason: code === 0 ? 'Completed' : 'Error', startedAt: rfc3339(startedAt), finishedAt: rfc3339(finishedAt), containerID: `idp://${id}`,
      ...(message === '' ? {} : { message }),
    } as TerminatedState
  }
  return {
    id, startedAt, log, container, program,
    ended: run(),
    stop: () => stopping.abort(new CodedError({ code: 'Terminated', message: 'the container was asked to end (SIGTERM)' })),
    kill() {
      killing.resolve(killed)
      stopping.abort(new CodedError({ code: 'Killed', message: 'the container was killed (SIGKILL)' }))
    },
  }
}

async function runProgram(program: Program, container: Container, log: ContainerLog): Promise<number> {
  try {
    const code = await program.main(container)
    return Number.isInteger(code) ? code & 0xff : 0
  } catch (error) {
    // A program that lets the signal's reason through was ended by it.
    if (container.signal.aborted && (error === container.signal.reason || (error as { name?: string } | undefined)?.name === 'AbortError')) return terminated
    for (const line of describe(error)) log.write('stderr', line)
    return 1
  }
}

/** A coded error in one line; anything else is a bug of the program and shows its stack. */
function describe(error: unknown): string[] {
  if (isCoded(error)) return [JSON.stringify({ level: 'error', msg: error.message, code: error.code, where: error.where, remedy: error.remedy })]
  return (error instanceof Error ? error.stack ?? error.message : messageOf(error)).split('\n')
}

/** Runs a command in a container; a program without `exec` says so by name and answers 126, as a shell that cannot execute does. */
export async function execIn(instance: ContainerInstance, command: readonly string[], io: ExecIo): Promise<number> {
  const { program, container } = instance
  if (program.exec === undefined) {
    io.stderr(`idp: the stand-in for ${container.pod.image} has no shell; cannot run ${command[0] ?? ''}\n`)
    return 126
  }
  const exec = program.exec.bind(program)
  const failed = Promise.withResolvers<number>()
  return Promise.race([inFaultScope({ fail: failed.reject }, () => exec(container, command, io)), failed.promise])
}
