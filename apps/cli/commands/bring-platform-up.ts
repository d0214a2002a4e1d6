import { systemRandom } from '@idp/kit'
import { locateGateway, openSource, platformUp, platformUrls, renderPlatform, standInCharts, type PlatformConfig, type PlatformUpOptions, type RepositorySource, type StepEvent } from '@idp/platform'
import { chartEntries } from '../chart-entries.ts'
import { clusterClient } from '../cluster-client.ts'
import { chosenCharts, rememberGateway } from '../cluster-engine.ts'
import type { CommandContext } from '../context.ts'
import type { ProgressEvent } from '../output/report.ts'
import type { AnyEngine, UpFlags } from './up.ts'
import { idpVersion } from './version.ts'

/** What is brought up: a platform, on an engine that runs. */
export interface PlatformOrder {
  readonly engine: AnyEngine
  readonly config: PlatformConfig
  readonly flags: UpFlags
  /** When `idp up` began, in ms of the clock. */
  readonly began: number
  readonly prepared: PreparedPlatform
}

/** An opened repository; `rendered` when its bootstrap layer is being rendered, with the charts that ship with idp. */
export interface PreparedPlatform { readonly source: RepositorySource; readonly rendered?: NonNullable<PlatformUpOptions['rendered']> }

/** What needs no engine, to be done while that starts. Whoever asks for it disposes of the source. */
export async function preparePlatform(directory: string, { render }: { readonly render: boolean }): Promise<PreparedPlatform> {
  const source = await openSource(directory)
  return { source, ...(render ? { rendered: renderPlatform(source, standInCharts(chartEntries())) } : {}) }
}

/** Starts the platform and reports it; resolves when every Application is Synced and Healthy. A module of its own, because it is loaded while the engine starts. */
export async function bringPlatformUp(context: CommandContext, { engine, config, flags, began, prepared }: PlatformOrder): Promise<void> {
  const client = await clusterClient(engine.directory)
  const names = await platformUp({
    client, clock: context.clock, random: systemRandom, signal: context.signal, timeoutMs: flags.timeout * 1000, config, ...prepared, push: flags.repository !== undefined,
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
}

/** A cluster that idp did not start has its gateway where its nodes are. */
function remoteGateway({ directory, record }: AnyEngine) {
  if (record.engine === 'embedded') return {}
  return { locateGateway: async () => locateGateway(await clusterClient(directory), { address: record.gatewayAddress, https: record.httpsPort, http: record.httpPort }) }
}

function progress(event: StepEvent): ProgressEvent {
  if (event.state === 'waiting') return { event: 'waiting', name: event.step, message: `${event.step}: ${event.lacking.slice(0, 3).join('; ')}${event.lacking.length > 3 ? ` and ${event.lacking.length - 3} more` : ''}` }
  if (event.state === 'running') return { event: 'step', name: event.step, state: 'running' }
  return { event: 'step', name: event.step, state: event.state, ms: event.ms, ...(event.message === undefined ? {} : { message: event.message }) }
}
