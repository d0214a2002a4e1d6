import { join, resolve } from 'node:path'
import { CodedError, systemRandom } from '@idp/kit'
import { loadConfig, openSource, platformUp, platformUrls, standInCharts, type StepEvent } from '@idp/platform'
import { chartEntries } from '../chart-entries.ts'
import { clusterClient } from '../cluster-client.ts'
import { engineLog, findTarget, installation, type CommandContext } from '../context.ts'
import type { ProgressEvent } from '../output/report.ts'
import { ensureEngine, type EngineFlags } from './cluster-up.ts'
import { stopEngine } from './down.ts'
import { idpVersion } from './version.ts'

export interface UpFlags extends EngineFlags {
  readonly repository?: string
  readonly engine: 'embedded' | 'kubeconfig' | 'k3d'
}

/** Starts engine and platform; resolves when every Application is Synced and Healthy. */
export async function up(context: CommandContext, flags: UpFlags): Promise<void> {
  if (flags.engine !== 'embedded') throw new CodedError({ code: 'EngineMissing', message: `the engine '${flags.engine}' is not there yet`, remedy: 'Use the embedded engine; FEATURES.md says what is missing' })
  const began = context.clock.now()
  const known = await findTarget(context).catch(() => undefined)
  const repository = flags.repository === undefined ? known?.record.repository : resolve(flags.repository)
  const directory = repository ?? join(installation, 'blueprint')
  const config = await loadConfig(directory)
  await using source = await openSource(directory)
  const engine = await ensureEngine(context, config, { flags, platform: true, repository })
  const client = await clusterClient(engine.directory)
  const names = await platformUp({
    client, clock: context.clock, random: systemRandom, signal: context.signal, timeoutMs: flags.timeout * 1000, config, source, push: flags.repository !== undefined,
    charts: standInCharts(chartEntries()), ports: { https: engine.record.httpsPort, http: engine.record.httpPort }, version: await idpVersion(),
    onEvent: (event) => context.report.event(progress(event)),
  })
  const ms = context.clock.now() - began
  const urls = await platformUrls(client, engine.record.httpsPort)
  const width = Math.max(...urls.map((url) => url.url.length))
  context.report.result(
    [`\n${names.length} Applications are Synced and Healthy after ${(ms / 1000).toFixed(1)} s\n`, ...urls.map((url) => `  ${url.url.padEnd(width)}  ${url.login ?? ''}`.trimEnd()), `\n  kubectl: export KUBECONFIG=$(idp kubeconfig > /tmp/idp.yaml; echo /tmp/idp.yaml)`, "  'idp status' shows what runs, 'idp verify' proves it, 'idp down' stops it"].join('\n'),
    { event: 'summary', name: engine.record.name, ms, applications: names, urls: urls.map(({ name, url }) => ({ name, url })), api: `https://127.0.0.1:${engine.record.apiPort}` },
  )
  if (flags.foreground === true) await foreground(context, engine)
}

/** Stays until Ctrl-C, then stops the engine. */
async function foreground(context: CommandContext, { directory, record }: { directory: string; record: Parameters<typeof stopEngine>[1]['record'] }): Promise<void> {
  context.report.event({ event: 'notice', message: `running in the foreground; Ctrl-C stops it; the engine's log is ${engineLog(directory)}` })
  await new Promise<void>((done) => context.signal.addEventListener('abort', () => done(), { once: true }))
  await stopEngine(context, { name: record.name, directory, record, running: true })
}

function progress(event: StepEvent): ProgressEvent {
  if (event.state === 'waiting') return { event: 'waiting', name: event.step, message: `${event.step}: ${event.lacking.slice(0, 3).join('; ')}${event.lacking.length > 3 ? ` and ${event.lacking.length - 3} more` : ''}` }
  if (event.state === 'running') return { event: 'step', name: event.step, state: 'running' }
  return { event: 'step', name: event.step, state: event.state, ms: event.ms, ...(event.message === undefined ? {} : { message: event.message }) }
}
