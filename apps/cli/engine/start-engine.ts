import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CodedError, type Fault } from '@idp/kit'
import type { NodeConfig } from '@idp/platform'
import { lastLines } from '../last-lines.ts'
import { processStart } from '../process-identity.ts'

/** What the engine's process is told, over IPC: nothing secret, nothing on its command line but its name. */
export interface EngineOrder {
  readonly directory: string
  readonly name: string
  readonly nodes: readonly NodeConfig[]
  readonly apiPort: number
  readonly httpsPort: number
  readonly httpPort: number
}

/** What it answers, once. */
export type EngineAnswer =
  | { readonly type: 'ready'; readonly apiPort: number; readonly ms: number }
  | { readonly type: 'failed'; readonly fault: Pick<Fault, 'code' | 'message' | 'where' | 'remedy'> }

export interface StartedEngine { readonly pid: number; readonly processStart: string; readonly apiPort: number; readonly ms: number }

export interface StartOptions {
  readonly logFile: string
  /** Called when the process has been started and told what to do. */
  readonly meanwhile?: (() => void) | undefined
}

/** How V8 runs the engine: the young generation holds what one request or reconciliation makes. A third of what V8 would take costs no more processor time and 80 MB less. */
const engineFlags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=16']

/** How glibc runs it: native code takes little memory and for a short time, so two pools do; by itself it makes eight for each processor. */
const engineEnvironment = { MALLOC_ARENA_MAX: '2' }

/** Starts the engine in a process of its own that outlives this one, and waits until its API server answers. Throws the engine's own CodedError when it cannot start. */
export async function startEngine(order: EngineOrder, { logFile, meanwhile }: StartOptions): Promise<StartedEngine> {
  const log = openSync(logFile, 'a', 0o600)
  const main = join(fileURLToPath(new URL('.', import.meta.url)), 'main.ts')
  const child = spawn(process.execPath, [...engineFlags, main, order.name], { detached: true, stdio: ['ignore', log, log, 'ipc'], cwd: order.directory, env: { ...engineEnvironment, ...process.env } })
  closeSync(log)
  const answer = await new Promise<EngineAnswer>((resolve, reject) => {
    child.once('message', (message) => resolve(message as EngineAnswer))
    child.once('error', reject)
    child.once('exit', (code, signal) => void lastLines(logFile, 5).then((lines) => reject(new CodedError({
      code: 'EngineEnded', message: `the engine ended while starting (${signal ?? `exit code ${code}`})${lines === '' ? '' : `:\n${lines}`}`, where: logFile, remedy: "Run again with --debug, or 'idp up --foreground'",
    }))))
    child.send(order, () => meanwhile?.())
  })
  const start = child.pid === undefined ? undefined : processStart(child.pid)
  child.disconnect()
  child.unref()
  if (answer.type === 'failed') throw new CodedError(answer.fault)
  if (child.pid === undefined || start === undefined) throw new CodedError({ code: 'EngineEnded', message: 'the engine ended right after starting', where: logFile })
  return { pid: child.pid, processStart: start, apiPort: answer.apiPort, ms: answer.ms }
}
