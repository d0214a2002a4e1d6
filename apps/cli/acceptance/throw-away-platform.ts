import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemRandom } from '@idp/kit'
import { loadConfig, platformUp, type ChartSource, type PlatformConfig } from '@idp/platform'
import type { Client } from '@idp/client'
import { clusterClient } from '../cluster-client.ts'
import { ensureEngine } from '../commands/cluster-up.ts'
import { stopEngine } from '../commands/down.ts'
import { idpVersion } from '../commands/version.ts'
import { engineLog, type CommandContext } from '../context.ts'
import { lastLines } from '../last-lines.ts'
import type { TestSource } from './test-source.ts'

/** A running cluster that tests may look at. */
export interface TestPlatform extends AsyncDisposable {
  readonly client: Client
  readonly config: PlatformConfig
  readonly ports: { readonly https: number; readonly http: number; readonly address?: string | undefined }
}

export interface ThrowAwayOptions { readonly charts: ChartSource; readonly timeoutMs: number; onProgress(message: string): void }

/** An embedded cluster with nothing in it yet, in a directory and on ports of its own; nothing of it is left when it is disposed. */
export async function throwAwayEngine(context: CommandContext, source: TestSource): Promise<TestPlatform & { logTail(): Promise<string> }> {
  const root = await mkdtemp(join(tmpdir(), 'idp-test-cluster-'))
  await using starting = new AsyncDisposableStack()
  starting.defer(() => rm(root, { recursive: true, force: true, maxRetries: 3 }))
  const config = await loadConfig(source.directory)
  const ports = { https: await freePort(), http: await freePort() }
  const quiet: CommandContext = { ...context, root, name: 'test', report: { json: false, event: () => {}, result: () => {} } }
  const { record, directory } = await ensureEngine(quiet, { ...config, ports }, { flags: { timeout: 120 }, platform: true })
  starting.defer(() => stopEngine(quiet, { name: record.name, directory, record, running: true }))
  const client = await clusterClient(directory)
  const stack = starting.move()
  return { client, config, ports, logTail: () => lastLines(engineLog(directory), 5), [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** Brings the repository to life on it; gives the names of its Applications, all Synced and Healthy. */
export async function bringUp({ clock, signal }: CommandContext, { client, config, ports }: TestPlatform, source: TestSource, { charts, timeoutMs, onProgress }: ThrowAwayOptions): Promise<readonly string[]> {
  return platformUp({
    client, clock, signal, timeoutMs, config, source, charts, ports, random: systemRandom, push: true, version: await idpVersion(),
    onEvent: (event) => onProgress(event.state === 'waiting' ? `${event.step}: ${event.lacking.slice(0, 2).join('; ')}` : event.step),
  })
}

/** A port of this machine that nobody listens on now. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
