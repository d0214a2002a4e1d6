import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { CodedError } from '@idp/kit'
import type { Peer, ProxySetup } from './peers.ts'

/** A process under test, or beside it; disposing ends it. */
export interface Running extends AsyncDisposable { readonly ports: readonly number[]; readonly pid: number }

/** A peer on core 0. */
export async function startPeer(peer: Peer, program: string, setup: ProxySetup): Promise<Running> {
  const [, ...args] = await peer(setup)
  return startOn(0, program, args, { ports: [setup.plain, setup.secure], environment: { GOMAXPROCS: '1', XDG_CONFIG_HOME: setup.directory, XDG_DATA_HOME: setup.directory } })
}

/** A program of ours, which prints its ports when it listens. */
export async function startProgram(args: readonly string[], core: number): Promise<Running> {
  const child = onCore(core, process.execPath, args, {})
  const { value } = await createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]().next() as { value: string | undefined }
  if (value === undefined) throw new CodedError({ code: 'BenchFailed', message: `${args[0]} did not start` })
  return { ports: value.split(' ').map(Number), pid: child.pid ?? 0, [Symbol.asyncDispose]: () => end(child) }
}

export function startOn(core: number, program: string, args: readonly string[], { ports, environment = {} }: { readonly ports: readonly number[]; readonly environment?: Readonly<Record<string, string>> }): Running {
  const child = onCore(core, program, args, environment)
  return { ports, pid: child.pid ?? 0, [Symbol.asyncDispose]: () => end(child) }
}

/** `taskset` becomes the program, so the process id is the program's. */
function onCore(core: number, program: string, args: readonly string[], environment: Readonly<Record<string, string>>): ChildProcess {
  return spawn('taskset', ['-c', String(core), program, ...args], { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, ...environment } })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
