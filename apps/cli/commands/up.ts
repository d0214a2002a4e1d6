import { join, resolve } from 'node:path'
import { CodedError, systemRandom } from '@idp/kit'
import { loadConfig, locateGateway, openSource, platformUp, platformUrls, type PlatformConfig, type StepEvent } from '@idp/platform'
import { clusterClient } from '../cluster-client.ts'
import { chosenCharts, ensureCluster, rememberGateway, type ClusterFlags } from '../cluster-engine.ts'
import { engineLog, findTarget, installation, type CommandContext } from '../context.ts'
import { clusterDirectory, readRecord, type ClusterRecord } from '../data-directory.ts'
import type { ProgressEvent } from '../output/report.ts'
import { ensureEngine, type EngineFlags } from './cluster-up.ts'
import { stopEngine } from './down.ts'
import { idpVersion } from './version.ts'

export interface UpFlags extends EngineFlags, ClusterFlags {
  readonly repository?: string
  /** The recorded one by default, the embedded one for a new cluster. */
  readonly engine?: ClusterRecord['engine']
}

/** Starts engine and platform; resolves when every Application is Synced and Healthy. */
export async function up(context: CommandContext, flags: UpFlags): Promise<void> {
  const began = context.clock.now()
  const known = await findTarget(context).catch(() => undefined)
  const repository = flags.repository === undefined ? known?.record.repository : resolve(flags.repository)
  const directory = repository ?? join(installation, 'blueprint')
  const config = await loadConfig(directory)
  await using source = await openSource(directory)
  const engine = await ensureAnyEngine(context, config, { flags, repository })
  const client = await clusterClient(engine.directory)
  const names = await platformUp({
    client, clock: context.clock, random: systemRandom, signal: context.signal, timeoutMs: flags.timeout * 1000, config, source, push: flags.repository !== undefined,
    charts: chosenCharts(engine.directory, flags.charts ?? engine.record.charts ?? 'stand-in', context.signal), ports: { https: engine.record.httpsPort, http: engine.record.httpPort }, ...remoteGateway(engine), version: await idpVersion(),
    onEvent: (event) => context.report.event(progress(event)),
  })
  if (engine.record.engine !== 'embedded') await rememberGateway(engine)
  const ms = context.clock.now() - began
  const urls = await platformUrls(client, engine.record.httpsPort)
  const width = Math.max(...urls.map((url) => url.url.length))
  context.report.result(
    [`\n${names.length} Applications are Synced and Healthy after ${(ms / 1000).toFixed(1)} s\n`, ...urls.map((url) => `  ${url.url.padEnd(width)}  ${url.login ?? ''}`.trimEnd()), `\n  kubectl: export KUBECONFIG=$(idp kubeconfig > /tmp/idp.yaml; echo /tmp/idp.yaml)`, "  'idp status' shows what runs, 'idp verify' proves it, 'idp down' stops it"].join('\n'),
    { event: 'summary', name: engine.record.name, ms, applications: names, urls: urls.map(({ name, url }) => ({ name, url })), api: engine.record.server ?? `https://127.0.0.1:${engine.record.apiPort}` },
  )
  if (flags.foreground === true && engine.record.engine === 'embedded') await foreground(context, engine)
}

interface AnyEngine { readonly record: ClusterRecord; readonly directory: string }

/** The engine that is asked for, or the one the cluster has. Throws CodedError `EngineDiffers`. */
async function ensureAnyEngine(context: CommandContext, config: PlatformConfig, options: { readonly flags: UpFlags; readonly repository: string | undefined }): Promise<AnyEngine> {
  const name = context.name ?? config.cluster.name
  const recorded = (await readRecord(clusterDirectory(context.root, name)))?.engine
  const engine = options.flags.engine ?? recorded ?? 'embedded'
  if (recorded !== undefined && recorded !== engine) throw new CodedError({ code: 'EngineDiffers', message: `cluster '${name}' is there already, with the ${recorded} engine`, remedy: `Give the new one a --name of its own, or remove the old one with 'idp destroy --name ${name}'` })
  return engine === 'embedded' ? ensureEngine(context, config, { ...options, platform: true }) : ensureCluster(context, config, { ...options, engine })
}

/** A cluster that idp did not start has its gateway where its nodes are. */
function remoteGateway({ directory, record }: AnyEngine) {
  if (record.engine === 'embedded') return {}
  return { locateGateway: async () => locateGateway(await clusterClient(directory), { address: record.gatewayAddress, https: record.httpsPort, http: record.httpPort }) }
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
